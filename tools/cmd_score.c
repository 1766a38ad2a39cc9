/* hedon score: emotions, wellbeing and a timeline for each video. */
#include <langinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/progress.h"
#include "models/model.h"
#include "tools/command.h"
#include "tools/plot_names.h"

enum { THUMBNAILS = 6 };

typedef struct Arguments {
    const char *model, *out, *plot, *decoder;
    int json, csv;
    HedonScoringArguments scoring;
    int64_t workers;
    HedonDeviceArguments device;
} Arguments;

typedef struct Session {
    HedonContext *ctx;
    const Arguments *arguments;
    HedonScorer *scorer;
    HedonAtomicFile *out;
    HedonTextStyle style;
    HedonProgress bar;
    char **videos;
    int video_count, next;
    char **plots; /* a file name a video, or NULL */
    int shown, failed;
} Session;

static HedonTextStyle terminal_style(const char *out)
{
    HedonTextStyle style = {.columns = 80, .unicode = !strcmp(nl_langinfo(CODESET), "UTF-8")};
    struct winsize size;
    const int terminal = (!out || !strcmp(out, "-")) && isatty(STDOUT_FILENO);
    if (terminal && !ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_col &&
        size.ws_col < style.columns)
        style.columns = size.ws_col;
    const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");
    style.colour = terminal && !(no_colour && *no_colour) && term && strcmp(term, "dumb");
    return style;
}

static int next_video(void *opaque, const char **path)
{
    Session *session = opaque;
    if (session->next == session->video_count) return 1;
    *path = session->videos[session->next++];
    return 0;
}

static void show_progress(void *opaque, int64_t videos, const char *video, int64_t clips,
                          int64_t clip_count)
{
    Session *session = opaque;
    if (session->video_count > 1)
        hedon_progress_update(&session->bar, video, videos, session->video_count);
    else if (clips)
        hedon_progress_update(&session->bar, video, clips, clip_count);
}

/* Writes now, so that results are seen as they come and a full disk is noticed at once. */
static int put(Session *session, const char *text)
{
    FILE *stream = hedon_atomic_stream(session->out);
    hedon_progress_clear(&session->bar);
    if (fputs(text, stream) >= 0 && !fflush(stream)) return 0;
    const char *out = session->arguments->out;
    const int to_file = out && strcmp(out, "-");
    return hedon_fail_errno(session->ctx, "cannot write to %s", to_file ? out : "standard output");
}

static int write_result(Session *session, const HedonScore *score)
{
    const Arguments *arguments = session->arguments;
    char *text = NULL;
    int code = 0;
    if (arguments->json) {
        code = hedon_score_json(session->ctx, session->scorer, score, &text);
    } else if (arguments->csv) {
        code = hedon_score_csv(session->ctx, score, arguments->scoring.window_s > 0, &text);
    } else if (!score->code) {
        const char *warning = hedon_scorer_warning(session->scorer);
        if (session->shown++)
            code = put(session, "\n");
        else if (warning && !(code = put(session, warning)))
            code = put(session, "\n\n");
        if (!code)
            code = hedon_score_text(session->ctx, session->scorer, score, &session->style, &text);
    }
    if (!code && text) code = put(session, text);
    free(text);
    return code;
}

static void report_failure(Session *session, const HedonScore *score)
{
    hedon_progress_clear(&session->bar);
    hedon_report(score->video, score->code, score->error);
    session->failed++;
}

/* The text says so itself; JSON and CSV have no place for it. Not a failure. */
static void report_damage(Session *session, const HedonScore *score)
{
    if (!session->arguments->json && !session->arguments->csv) return;
    char sentence[160];
    snprintf(sentence, sizeof(sentence),
             "damaged; scored from the %lld frames that decode, %lld lost",
             (long long)score->frames, (long long)score->lost);
    hedon_progress_clear(&session->bar);
    hedon_report(score->video, HEDON_EDATA, sentence);
}

static int finished(void *opaque, const HedonScore *original)
{
    Session *session = opaque;
    HedonScore score = *original;
    if (score.code == HEDON_EISDIR)
        score.error =
            "is a directory; 'hedon annotate' scores the videos in it";
    if (score.code)
        report_failure(session, &score);
    else if (score.damaged)
        report_damage(session, &score);
    const int code = write_result(session, &score);
    if (code || score.code || !session->plots) return code;
    const char *plot = session->plots[score.number];
    const int failed = hedon_score_plot(session->ctx, session->scorer, &score, plot);
    if (failed) { /* the numbers are out; a picture that cannot be written ends nothing else */
        hedon_progress_clear(&session->bar);
        hedon_report(score.video, failed, hedon_last_error(session->ctx));
        session->failed++;
    }
    return 0;
}

static int put_header(Session *session)
{
    char *header;
    int code = hedon_score_csv(session->ctx, NULL, 0, &header);
    if (!code) code = put(session, header);
    free(header);
    return code;
}

static int score_all(const HedonCommand *command, Session *session, const HedonModel *model)
{
    HedonContext *ctx = session->ctx;
    const Arguments *arguments = session->arguments;
    const char *model_name = arguments->model ? arguments->model : hedon_model_info(model)->name;
    HedonScorerOptions options;
    hedon_scorer_options_default(&options);
    hedon_device_arguments(&arguments->device, &options.device);
    hedon_scoring_arguments(&arguments->scoring, &options);
    options.videos = session->video_count;
    options.decode_workers = (int)arguments->workers;
    options.decoder = hedon_decoder_argument(arguments->decoder);
    options.thumbnails = arguments->plot ? THUMBNAILS : 0;
    int code = hedon_scorer_open(ctx, &session->scorer, model, &options);
    if (code == HEDON_EINVAL) return hedon_wrong_usage(command, "%s", hedon_last_error(ctx));
    if (code) return hedon_report(model_name, code, hedon_last_error(ctx));

    code = hedon_atomic_open(ctx, &session->out, arguments->out ? arguments->out : "-");
    if (code) return hedon_report(NULL, code, hedon_last_error(ctx));
    session->style = terminal_style(arguments->out);
    hedon_progress_start(&session->bar);
    const HedonScoreCallbacks callbacks = {.opaque = session,
                                           .expected = session->video_count,
                                           .next = next_video,
                                           .finished = finished,
                                           .progress = show_progress};
    if (arguments->csv) code = put_header(session);
    if (!code) code = hedon_scorer_run(ctx, session->scorer, &callbacks);
    hedon_progress_clear(&session->bar);
    if (!code && session->shown) {
        code = put(session, "\n");
        if (!code) code = put(session, hedon_scorer_notes(session->scorer));
        if (!code) code = put(session, "\n");
    }
    if (code) {
        const int status = hedon_report(NULL, code, hedon_last_error(ctx));
        hedon_atomic_abort(session->out);
        return status;
    }
    code = hedon_atomic_commit(ctx, session->out);
    if (code) return hedon_report(NULL, code, hedon_last_error(ctx));
    return session->failed ? EXIT_SOME_FAILED : EXIT_GOOD;
}

static int is_same_file(const char *a, const char *b)
{
    struct stat first, second;
    return strcmp(a, "-") && strcmp(b, "-") && !stat(a, &first) && !stat(b, &second) &&
           first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

static int check(const HedonCommand *command, const Arguments *arguments, char **videos, int count)
{
    if (!count) return hedon_wrong_usage(command, "which video? give one or more, or - for a pipe");
    if (arguments->json && arguments->csv)
        return hedon_wrong_usage(command, "--json and --csv exclude each other");
    const int scoring = hedon_scoring_check(command, &arguments->scoring);
    if (scoring != HEDON_PARSED) return scoring;
    if (arguments->plot && !strcmp(arguments->plot, "-"))
        return hedon_wrong_usage(command, "--plot needs the name of a PNG file");
    for (int i = 0; i < count; i++)
        if (arguments->out && is_same_file(arguments->out, videos[i]))
            return hedon_wrong_usage(command, "--out %s would replace that video", videos[i]);
    int pipes = 0;
    for (int i = 0; i < count; i++) pipes += !strcmp(videos[i], "-");
    if (pipes > 1) return hedon_wrong_usage(command, "standard input (-) can be read only once");
    return HEDON_PARSED;
}

static int run(const HedonCommand *command, HedonContext *ctx, int argc, char **argv)
{
    Arguments arguments = {0};
    int count = 0;
    int status = hedon_options_parse(command, argc, argv, &arguments, &count);
    if (status == HEDON_PARSED) status = check(command, &arguments, argv, count);
    if (status != HEDON_PARSED) return status;

    Session session = {.ctx = ctx, .arguments = &arguments, .videos = argv, .video_count = count};
    if (arguments.plot) {
        status = hedon_plot_names(command, arguments.plot, argv, count, &session.plots);
        if (status != HEDON_PARSED) return status;
    }
    HedonModel *model;
    const int code = hedon_open_model_argument(ctx, &model, arguments.model);
    if (code)
        status = hedon_report(arguments.model ? arguments.model : "default model", code,
                              hedon_last_error(ctx));
    else
        status = score_all(command, &session, model);
    hedon_scorer_close(session.scorer);
    hedon_model_close(model);
    hedon_plot_names_free(session.plots, count);
    return status;
}

static const HedonOption options[] = {
    {"model", OPTION_TEXT, offsetof(Arguments, model), "MODEL",
     "a model file, or an embedded model (default " HEDON_DEFAULT_MODEL ")"},
    {"json", OPTION_FLAG, offsetof(Arguments, json), NULL,
     "one JSON object a line, schema hedon.score/1"},
    {"csv", OPTION_FLAG, offsetof(Arguments, csv), NULL,
     "one row a video; with --window one row a window"},
    {"plot", OPTION_TEXT, offsetof(Arguments, plot), "FILE.png",
     "draw the timeline; {} in the name stands for the video's"},
    {"out", OPTION_TEXT, offsetof(Arguments, out), "FILE",
     "write there when all is done (- is standard output)", 'o'},
    HEDON_SCORING_OPTIONS(Arguments),
    {"workers", OPTION_INTEGER, offsetof(Arguments, workers), "N",
     "decoder processes (default: chosen by model and cores)"},
    HEDON_DECODER_OPTION(Arguments),
    HEDON_DEVICE_OPTIONS(Arguments),
    {NULL},
};

const HedonCommand hedon_cmd_score = {
    .name = "score",
    .summary = "emotions, wellbeing and a timeline for each video",
    .parameters = "[OPTION...] VIDEO...",
    .description =
        "VIDEO is a file, or - for one from a pipe. The overall result always comes from the\n"
        "model's own sampling of the whole video, so that it can be held against the model's\n"
        "reference videos; --window and --stride only change the timeline.\n"
        "Exit status: 0 all scored, 1 some not (a line on standard error says why), 2 wrong "
        "usage.\n",
    .examples = "  hedon score holiday.mp4\n"
                "  hedon score --json *.mp4 > scores.jsonl\n"
                "  hedon score --csv --window 4 --stride 2 -o film.csv film.mkv\n"
                "  hedon score --plot plots/{}.png a.mp4 b.mp4\n"
                "  curl -s https://example.org/clip.webm | hedon score -\n",
    .options = options,
    .run = run,
};
