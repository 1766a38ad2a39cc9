/* The files of a synthetic dataset, as the real ones are laid out, oddities included: numbers as
 * strings in metadata.json, V2V's metadata.json about all of VCE's videos, topK in another order
 * than the first maximum, ids with leading zeros. The text is the same for the same universe, byte
 * for byte. */
#include <stdio.h>
#include <string.h>

#include "base/atomic_file.h"
#include "base/error.h"
#include "datasets/synth_scene.h"

void hedon_synth_id(char id[HEDON_SYNTH_ID], const HedonSynthUniverse *universe, int64_t video)
{
    snprintf(id, HEDON_SYNTH_ID, universe->videos > 100000 ? "%06d" : "%05d", (int)video);
}

const char *hedon_synth_kind_name(HedonSynthKind kind)
{
    return kind == HEDON_SYNTH_VCE ? "vce" : "v2v";
}

/* What one file says; `opaque` is the writer's own. */
typedef void (*Writer)(FILE *file, const HedonSynthPlan *plan, const void *opaque);

static int write_file(HedonContext *ctx, const HedonSynthPlan *plan, const char *dir,
                      const char *name, Writer writer, const void *opaque)
{
    char path[4096];
    HedonAtomicFile *file;
    if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path))
        return hedon_fail(ctx, HEDON_EINVAL, "the folder's name is too long");
    const int code = hedon_atomic_open(ctx, &file, path);
    if (code) return code;
    writer(hedon_atomic_stream(file), plan, opaque);
    return hedon_atomic_commit(ctx, file);
}

/* The shortest of %.16g and %.17g that reads back as the same number, as Python writes it. */
static void print_120th(FILE *file, int numerator)
{
    char text[32];
    double back;
    const double value = numerator / 120.0;
    snprintf(text, sizeof(text), "%.16g", value);
    if (sscanf(text, "%lf", &back) != 1 || back != value)
        snprintf(text, sizeof(text), "%.17g", value);
    fprintf(file, "%s%s", text, strchr(text, '.') ? "" : ".0");
}

static void write_label(FILE *file, const HedonSynthUniverse *universe, int64_t video,
                        const char *separator)
{
    char id[HEDON_SYNTH_ID];
    hedon_synth_id(id, universe, video);
    const HedonSynthRating rating = hedon_synth_rate(universe->seed, video);
    fprintf(file, "%s\"%s\": {\"emotions\": {", separator, id);
    for (int k = 0; k < HEDON_EMOTIONS; k++) {
        fprintf(file, "%s\"%s\": ", k ? ", " : "", hedon_emotion_name(k));
        print_120th(file, rating.intensity[k]);
    }
    fprintf(file, "}, \"file\": \"videos/%s.mp4\", \"topK\": [\"%s\", \"%s\", \"%s\"]}", id,
            hedon_emotion_name(rating.top[0]), hedon_emotion_name(rating.top[1]),
            hedon_emotion_name(rating.top[2]));
}

/* opaque: whether the test split is wanted */
static void write_ratings(FILE *file, const HedonSynthPlan *plan, const void *opaque)
{
    const char *separator = "{";
    for (int64_t i = 0; i < plan->universe.videos; i++) {
        if (plan->vce_test[i] != *(const int *)opaque) continue;
        write_label(file, &plan->universe, i, separator);
        separator = ", ";
    }
    fputs("}\n", file);
}

static void write_comparisons(FILE *file, const HedonSynthPlan *plan, const void *opaque)
{
    const HedonSynthComparisons *comparisons = opaque;
    fputs("{\"comparisons\": [", file);
    for (int64_t i = 0; i < comparisons->count; i++) {
        fputs(i ? ", [" : "[", file);
        for (int k = 0; k < comparisons->at[i].count; k++) {
            char id[HEDON_SYNTH_ID];
            hedon_synth_id(id, &plan->universe, comparisons->at[i].video[k]);
            fprintf(file, "%s\"%s\"", k ? ", " : "", id);
        }
        fputc(']', file);
    }
    fputs("]}\n", file);
}

static void write_metadata(FILE *file, const HedonSynthPlan *plan, const void *opaque)
{
    (void)opaque;
    HedonSynthScene scene;
    for (int64_t i = 0; i < plan->universe.videos; i++) {
        char id[HEDON_SYNTH_ID];
        hedon_synth_id(id, &plan->universe, i);
        hedon_synth_scene(&scene, plan->universe.seed, i);
        fprintf(file,
                "%s\"%s\": {\"codec_name\": \"h264\", \"duration\": \"%.6f\", \"file\": "
                "\"videos/%s.mp4\", \"frame_rate\": \"%d/%d\", \"height\": %d, "
                "\"number_of_frames\": \"%d\", \"width\": %d}",
                i ? ", " : "{", id,
                (double)scene.frames * scene.rate_divisor / scene.rate_numerator, id,
                scene.rate_numerator, scene.rate_divisor, scene.height, scene.frames, scene.width);
    }
    fputs("}\n", file);
}

/* Not in the real datasets: what no annotator can know. opaque: the kind */
static void write_latents(FILE *file, const HedonSynthPlan *plan, const void *opaque)
{
    const char *separator = "{";
    for (int64_t i = 0; i < plan->universe.videos; i++) {
        if (!hedon_synth_shows(plan, *(const HedonSynthKind *)opaque, i)) continue;
        char id[HEDON_SYNTH_ID];
        hedon_synth_id(id, &plan->universe, i);
        const HedonSynthLatent latent = hedon_synth_latent(plan->universe.seed, i);
        fprintf(file, "%s\"%s\": [%.17g, %.17g, %.17g]", separator, id, latent.at[HEDON_PLEASURE],
                latent.at[HEDON_AROUSAL], latent.at[HEDON_DOMINANCE]);
        separator = ", ";
    }
    fputs("}\n", file);
}

int hedon_synth_write_labels(HedonContext *ctx, const HedonSynthPlan *plan, HedonSynthKind kind,
                             const char *dir)
{
    static const int train = 0, test = 1;
    int code = write_file(ctx, plan, dir, "latents.json", write_latents, &kind);
    if (kind == HEDON_SYNTH_VCE) {
        if (!code) code = write_file(ctx, plan, dir, "train_labels.json", write_ratings, &train);
        if (!code) code = write_file(ctx, plan, dir, "test_labels.json", write_ratings, &test);
    } else {
        if (!code)
            code = write_file(ctx, plan, dir, "train_labels.json", write_comparisons,
                              &plan->pairs_train);
        if (!code)
            code = write_file(ctx, plan, dir, "test_labels.json", write_comparisons,
                              &plan->pairs_test);
        if (!code)
            code =
                write_file(ctx, plan, dir, "listwise_labels.json", write_comparisons, &plan->lists);
    }
    if (!code) code = write_file(ctx, plan, dir, "metadata.json", write_metadata, NULL);
    return code;
}

static void card_vce(FILE *file, const HedonSynthPlan *plan)
{
    const HedonSynthVceBounds bounds = hedon_synth_vce_bounds(plan);
    fprintf(file,
            ", \"train_videos\": %lld, \"test_videos\": %lld, "
            "\"oracle\": {\"top1\": %.6f, \"top3\": %.6f}, "
            "\"majority\": {\"top1\": %.6f, \"top3\": %.6f}, "
            "\"chance\": {\"top1\": %.6f, \"top3\": %.6f}",
            (long long)plan->vce_train, (long long)(plan->universe.videos - plan->vce_train),
            bounds.oracle_top1, bounds.oracle_top3, bounds.majority_top1, bounds.majority_top3,
            bounds.chance_top1, bounds.chance_top3);
}

static void card_v2v(FILE *file, const HedonSynthPlan *plan)
{
    const HedonSynthV2vBounds bounds = hedon_synth_v2v_bounds(plan);
    fprintf(file,
            ", \"shown_videos\": %lld, \"train_pairs\": %lld, \"test_pairs\": %lld, "
            "\"lists\": %lld, \"oracle\": {\"pairs\": %.6f, \"lists_strict\": %.6f}, "
            "\"chance\": {\"pairs\": %.6f, \"lists_strict\": %.6f}",
            (long long)plan->v2v_videos, (long long)plan->pairs_train.count,
            (long long)plan->pairs_test.count, (long long)plan->lists.count, bounds.oracle_pairs,
            bounds.oracle_lists, bounds.chance_pairs, bounds.chance_lists);
}

/* The generator's number goes up with every change of what a seed gives. */
enum { GENERATOR = 5 };

int hedon_synth_card(HedonContext *ctx, const HedonSynthPlan *plan, HedonSynthKind kind,
                     int complete, char **text)
{
    size_t size = 0;
    *text = NULL;
    FILE *stream = open_memstream(text, &size);
    if (!stream) return hedon_fail_memory(ctx);
    fprintf(stream,
            "{\"schema\": \"hedon.synth/1\", \"generator\": %d, \"kind\": \"%s\", \"seed\": %llu, "
            "\"videos\": %lld, \"complete\": %s",
            GENERATOR, hedon_synth_kind_name(kind), (unsigned long long)plan->universe.seed,
            (long long)plan->universe.videos, complete ? "true" : "false");
    if (complete && kind == HEDON_SYNTH_VCE) card_vce(stream, plan);
    if (complete && kind == HEDON_SYNTH_V2V) card_v2v(stream, plan);
    fputs("}\n", stream);
    return fclose(stream) || !*text ? hedon_fail_memory(ctx) : 0;
}
