/* hedon dataset synth: a folder of synthetic videos, laid out as VCE or V2V. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/atomic_file.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/progress.h"
#include "datasets/synth.h"
#include "tools/dataset.h"
#include "tools/synth_renderers.h"

typedef struct Arguments {
    int64_t videos, seed, threads;
    const char *videos_from;
    int json;
} Arguments;

typedef struct Folder {
    const HedonSynthPlan *plan;
    HedonSynthKind kind;
    char path[PATH_MAX], videos[PATH_MAX + 16], card[PATH_MAX + 16];
    HedonProgress bar;
    int64_t next, done, total;
    char name[HEDON_SYNTH_ID + 8];
} Folder;

static int is_there(const Folder *folder, const char *name)
{
    char path[PATH_MAX + 64];
    struct stat status;
    snprintf(path, sizeof(path), "%s/%s", folder->videos, name);
    return !stat(path, &status) && status.st_size > 0;
}

static void name_video(Folder *folder, int64_t number)
{
    char id[HEDON_SYNTH_ID];
    hedon_synth_id(id, &folder->plan->universe, number);
    snprintf(folder->name, sizeof(folder->name), "%s.mp4", id);
}

static int next_video(void *opaque, int64_t *number, const char **name)
{
    Folder *folder = opaque;
    for (; folder->next < folder->plan->universe.videos; folder->next++) {
        if (!hedon_synth_shows(folder->plan, folder->kind, folder->next)) continue;
        name_video(folder, folder->next);
        if (is_there(folder, folder->name)) continue;
        *number = folder->next++;
        *name = folder->name;
        return 0;
    }
    return 1;
}

static void video_finished(void *opaque, int64_t number)
{
    Folder *folder = opaque;
    (void)number;
    hedon_progress_update(&folder->bar, "rendering", ++folder->done, folder->total);
}

static void count_videos(Folder *folder)
{
    folder->total = folder->done = 0;
    for (int64_t i = 0; i < folder->plan->universe.videos; i++) {
        if (!hedon_synth_shows(folder->plan, folder->kind, i)) continue;
        name_video(folder, i);
        folder->total++;
        folder->done += is_there(folder, folder->name);
    }
}

static int write_text(HedonContext *ctx, const char *path, const char *text)
{
    HedonAtomicFile *file;
    const int code = hedon_atomic_open(ctx, &file, path);
    if (code) return code;
    fputs(text, hedon_atomic_stream(file));
    return hedon_atomic_commit(ctx, file);
}

/* 1 when there is nothing in it. */
static int is_empty(const char *path)
{
    DIR *directory = opendir(path);
    if (!directory) return 0;
    int entries = 0;
    for (struct dirent *entry; (entry = readdir(directory));)
        entries += strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..");
    closedir(directory);
    return !entries;
}

/* Whether the folder's card is this text. */
static int holds(const Folder *folder, const char *text)
{
    char found[2048];
    FILE *file = fopen(folder->card, "re");
    if (!file) return 0;
    const size_t size = fread(found, 1, sizeof(found), file);
    fclose(file);
    return size == strlen(text) && !memcmp(found, text, size);
}

/* A new or empty folder gets the card of an unfinished dataset; one that has this dataset's card is
 * gone on with; any other is left alone. */
static int claim(HedonContext *ctx, const Folder *folder, const char *unfinished,
                 const char *finished)
{
    if (mkdir(folder->path, 0777) && errno != EEXIST)
        return hedon_fail_errno(ctx, "cannot make the folder");
    if (!holds(folder, unfinished) && !holds(folder, finished)) {
        if (!is_empty(folder->path))
            return hedon_fail(ctx, HEDON_EINVAL,
                              "holds something else (or a dataset of another --seed, --videos or "
                              "version of hedon); give a new folder");
        const int code = write_text(ctx, folder->card, unfinished);
        if (code) return code;
    }
    if (mkdir(folder->videos, 0777) && errno != EEXIST)
        return hedon_fail_errno(ctx, "cannot make the folder videos");
    return 0;
}

/* The videos that another kind's folder of the same universe has, as links to the same files. */
static int link_videos(HedonContext *ctx, const Folder *folder, const char *from)
{
    Folder other = {.plan = folder->plan};
    char path[2 * PATH_MAX];
    if (snprintf(other.card, sizeof(other.card), "%s/synth.json", from) >= PATH_MAX)
        return hedon_fail(ctx, HEDON_EINVAL, "the name of the folder of videos is too long");
    snprintf(other.videos, sizeof(other.videos), "%s/videos", from);
    char *card = NULL;
    int code = hedon_synth_card(ctx, folder->plan, !folder->kind, 1, &card);
    if (!code && !holds(&other, card))
        code = hedon_fail(ctx, HEDON_EINVAL,
                          "--videos-from %s: not a finished %s of the same --videos and --seed", from,
                          hedon_synth_kind_name(!folder->kind));
    free(card);
    for (int64_t i = 0; !code && i < folder->plan->universe.videos; i++) {
        char target[2 * PATH_MAX];
        if (!hedon_synth_shows(folder->plan, folder->kind, i)) continue;
        name_video(&other, i);
        if (is_there(folder, other.name) || !is_there(&other, other.name)) continue;
        snprintf(path, sizeof(path), "%s/%s", other.videos, other.name);
        snprintf(target, sizeof(target), "%s/%s", folder->videos, other.name);
        if (link(path, target) && errno != EEXIST)
            code = hedon_fail_errno(ctx, "cannot link to the videos of %s", from);
    }
    return code;
}

static int render(HedonContext *ctx, Folder *folder, int processes)
{
    count_videos(folder);
    const int64_t missing = folder->total - folder->done;
    if (!missing) return 0;
    if (processes > missing) processes = (int)missing;
    const HedonRendering rendering = {
        .folder = folder->videos,
        .seed = folder->plan->universe.seed,
        .processes = processes,
        .opaque = folder,
        .next = next_video,
        .finished = video_finished,
    };
    hedon_progress_start(&folder->bar);
    const int code = hedon_render_all(ctx, &rendering);
    hedon_progress_clear(&folder->bar);
    return code;
}

static void print_vce(const HedonSynthPlan *plan)
{
    const HedonSynthVceBounds b = hedon_synth_vce_bounds(plan);
    printf("%lld train and %lld test videos. What labels of test videos can be told, in %%:\n\n"
           "            top-1   top-3\n"
           "  oracle    %5.1f   %5.1f   knows what the makers aimed at, not the raters' errors\n"
           "  majority  %5.1f   %5.1f   always the most frequent labels of train\n"
           "  chance    %5.1f   %5.1f\n",
           (long long)plan->vce_train, (long long)(plan->universe.videos - plan->vce_train),
           100 * b.oracle_top1, 100 * b.oracle_top3, 100 * b.majority_top1, 100 * b.majority_top3,
           100 * b.chance_top1, 100 * b.chance_top3);
}

static void print_v2v(const HedonSynthPlan *plan)
{
    const HedonSynthV2vBounds b = hedon_synth_v2v_bounds(plan);
    printf("%lld of %lld videos, in %lld train pairs, %lld test pairs and %lld lists. What test\n"
           "pairs and whole lists can be put in order, in %%:\n\n"
           "            pairs   lists\n"
           "  oracle    %5.1f   %5.1f   knows how pleasant the videos are, not the judges' errors\n"
           "  chance    %5.1f   %5.1f\n",
           (long long)plan->v2v_videos, (long long)plan->universe.videos,
           (long long)plan->pairs_train.count, (long long)plan->pairs_test.count,
           (long long)plan->lists.count, 100 * b.oracle_pairs, 100 * b.oracle_lists,
           100 * b.chance_pairs, 100 * b.chance_lists);
}

static int make(HedonContext *ctx, Folder *folder, const Arguments *arguments)
{
    char *unfinished = NULL, *finished = NULL;
    int code = hedon_synth_card(ctx, folder->plan, folder->kind, 0, &unfinished);
    if (!code) code = hedon_synth_card(ctx, folder->plan, folder->kind, 1, &finished);
    if (!code) code = claim(ctx, folder, unfinished, finished);
    const int threads = arguments->threads ? (int)arguments->threads : hedon_cpu_count();
    if (!code && arguments->videos_from) code = link_videos(ctx, folder, arguments->videos_from);
    if (!code) code = render(ctx, folder, threads);
    if (code == HEDON_ECANCELLED)
        fprintf(stderr, "hedon: %s: %lld of %lld videos are there; the same command goes on\n",
                folder->path, (long long)folder->done, (long long)folder->total);
    if (!code) code = hedon_synth_write_labels(ctx, folder->plan, folder->kind, folder->path);
    if (!code) code = write_text(ctx, folder->card, finished);
    if (!code && arguments->json) fputs(finished, stdout);
    if (!code && !arguments->json) {
        printf("%s: synthetic %s, seed %llu. ", folder->path,
               folder->kind == HEDON_SYNTH_VCE ? "VCE" : "V2V",
               (unsigned long long)folder->plan->universe.seed);
        (folder->kind == HEDON_SYNTH_VCE ? print_vce : print_v2v)(folder->plan);
    }
    free(unfinished);
    free(finished);
    return code;
}

static int run(const HedonCommand *command, HedonContext *ctx, int argc, char **argv)
{
    Arguments arguments = {.videos = 2000, .seed = 1};
    int count = 0;
    const int status = hedon_options_parse(command, argc, argv, &arguments, &count);
    if (status != HEDON_PARSED) return status;
    const int vce = count && !strcmp(argv[0], "vce");
    if (count != 2 || (!vce && strcmp(argv[0], "v2v")))
        return hedon_wrong_usage(command, "give the kind, vce or v2v, and a folder");
    if (arguments.videos < HEDON_SYNTH_LEAST)
        return hedon_wrong_usage(command, "--videos: %d or more", HEDON_SYNTH_LEAST);
    HedonSynthPlan plan;
    static Folder folder;
    folder = (Folder){.plan = &plan, .kind = vce ? HEDON_SYNTH_VCE : HEDON_SYNTH_V2V};
    int code = hedon_synth_plan(ctx, &plan,
                                (HedonSynthUniverse){(uint64_t)arguments.seed, arguments.videos});
    if (!code && snprintf(folder.path, sizeof(folder.path), "%s", argv[1]) >= PATH_MAX - 64)
        code = hedon_fail(ctx, HEDON_EINVAL, "the folder's name is too long");
    snprintf(folder.videos, sizeof(folder.videos), "%s/videos", folder.path);
    snprintf(folder.card, sizeof(folder.card), "%s/synth.json", folder.path);
    if (!code) code = make(ctx, &folder, &arguments);
    hedon_synth_plan_free(&plan);
    return code ? hedon_report(argv[1], code, hedon_last_error(ctx)) : EXIT_GOOD;
}

static const HedonOption options[] = {
    {"videos", OPTION_INTEGER, offsetof(Arguments, videos), "N",
     "in VCE, 24 or more (default 2000); V2V shows 44% of them"},
    {"seed", OPTION_INTEGER, offsetof(Arguments, seed), "S",
     "the same videos and labels for the same seed (default 1)"},
    {"videos-from", OPTION_TEXT, offsetof(Arguments, videos_from), "DIR",
     "link to the videos of the finished dataset of the other kind, same N and S"},
    {"threads", OPTION_INTEGER, offsetof(Arguments, threads), "N",
     "videos rendered at a time (default: one a core)"},
    {"json", OPTION_FLAG, offsetof(Arguments, json), NULL,
     "print synth.json, schema hedon.synth/1"},
    {NULL},
};

const HedonCommand hedon_dataset_synth_command = {
    .name = "dataset synth",
    .summary = "make a dataset of synthetic videos laid out as VCE or V2V",
    .parameters = "vce|v2v DIR [--videos N] [--seed S]",
    .description =
        "Small procedural films whose pleasure, arousal and dominance are known, and labels from\n"
        "raters who perceive them with errors. No human ever rated them: they are for testing and\n"
        "for learning how training works. V2V's videos are some of VCE's of the same N and S, in\n"
        "other splits. DIR is new or empty; a run that was interrupted is gone on with by the "
        "same\n"
        "command. What a model can reach at most is printed and kept in DIR/synth.json.\n",
    .examples = "  hedon dataset synth vce synthetic_vce --videos 2000 --seed 1\n"
                "  hedon dataset synth v2v synthetic_v2v --videos 2000 --seed 1 "
                "--videos-from synthetic_vce\n",
    .options = options,
    .run = run,
};
