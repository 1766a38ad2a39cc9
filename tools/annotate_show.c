#include "tools/annotate_show.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "score/json_writer.h"
#include "tools/command.h"

void hedon_annotate_show_start(HedonAnnotateShow *show, const char *place)
{
    hedon_store_shown(place, show->store, sizeof(show->store));
    hedon_progress_start(&show->bar);
    show->shown_s = show->bar.started_s;
    if (show->quiet || show->json) show->bar.visible = 0;
}

void hedon_annotate_show_time(char *text, size_t size, double seconds)
{
    const long long s = (long long)(seconds + .5), minutes = (s + 30) / 60;
    if (s < 90)
        snprintf(text, size, "%lld s", s);
    else if (minutes < 90)
        snprintf(text, size, "%lld min", minutes);
    else if (minutes < 48 * 60)
        snprintf(text, size, "%lld h %lld min", minutes / 60, minutes % 60);
    else
        snprintf(text, size, "%lld days %lld h", minutes / 1440, minutes / 60 % 24);
}

static double left_s(const HedonAnnotateState *state)
{
    return state->left >= 0 && state->per_s > 0 ? (double)state->left / state->per_s : -1;
}

/* ---- Events */

static void begin_event(HedonJson *json, const char *event)
{
    hedon_json_object(json, NULL);
    hedon_json_string(json, "event", event);
}

static void end_event(HedonJson *json)
{
    hedon_json_end_object(json);
    fputc('\n', json->out);
    fflush(json->out);
}

static void event_error(const char *event, const char *path, const char *sentence)
{
    HedonJson json = {.out = stdout};
    begin_event(&json, event);
    hedon_json_string(&json, "video", path);
    hedon_json_string(&json, "error", sentence);
    end_event(&json);
}

/* score NULL: unchanged. */
static void event_video(const char *path, const HedonScore *score)
{
    HedonJson json = {.out = stdout};
    begin_event(&json, "video");
    hedon_json_string(&json, "video", path);
    hedon_json_bool(&json, "unchanged", !score);
    end_event(&json);
}

static void write_state(HedonJson *json, const HedonAnnotateState *state)
{
    hedon_json_integer(json, "done", state->done);
    hedon_json_integer(json, "failed", state->failed);
    hedon_json_integer(json, "unchanged", state->unchanged);
    hedon_json_integer(json, "changing", state->changing);
    hedon_json_integer(json, "lost", state->lost);
    hedon_json_object(json, "found");
    hedon_json_integer(json, "videos", state->found.files);
    hedon_json_integer(json, "added", state->entered.added);
    hedon_json_integer(json, "changed", state->entered.changed);
    hedon_json_integer(json, "known", state->entered.known);
    hedon_json_integer(json, "others", state->found.others);
    hedon_json_integer(json, "unreadable", state->found.troubles);
    hedon_json_bool(json, "complete", !state->discovering);
    hedon_json_end_object(json);
    if (state->left >= 0)
        hedon_json_integer(json, "left", state->left);
    else
        hedon_json_null(json, "left");
    hedon_json_integer(json, "elsewhere", state->elsewhere);
    hedon_json_integer(json, "bytes", state->bytes);
    hedon_json_number(json, "elapsed_s", state->elapsed_s);
    hedon_json_number(json, "per_s", state->per_s);
    if (left_s(state) >= 0)
        hedon_json_number(json, "left_s", left_s(state));
    else
        hedon_json_null(json, "left_s");
    hedon_json_object(json, "stages");
    for (int i = 0; i < HEDON_ANNOTATE_STAGES; i++) {
        hedon_json_object(json, hedon_annotate_stage_name((HedonAnnotateStage)i));
        hedon_json_number(json, "busy_s", state->stages[i].busy_s);
        hedon_json_number(json, "cpu_s", state->stages[i].cpu_s);
        hedon_json_integer(json, "lanes", state->stages[i].lanes);
        hedon_json_number(json, "use", state->stages[i].use);
        hedon_json_number(json, "use_now", state->stages[i].use_now);
        hedon_json_end_object(json);
    }
    hedon_json_end_object(json);
    hedon_json_string(json, "bottleneck", hedon_annotate_stage_name(state->bottleneck));
    hedon_json_integer(json, "cores", state->cores);
    hedon_json_number(json, "cores_use", state->cores_use);
    hedon_json_integer(json, "workers", state->workers);
    hedon_json_integer(json, "streams", state->streams);
    hedon_json_bool(json, "measured", state->measured);
}

/* ---- Callbacks */

static void started(void *opaque, const HedonStoreRun *run, const HedonScorer *scorer)
{
    HedonAnnotateShow *show = opaque;
    show->begun = 1;
    if (show->json) {
        HedonJson json = {.out = stdout};
        begin_event(&json, "start");
        hedon_json_string(&json, "store", show->store);
        hedon_json_integer(&json, "run", run->id);
        hedon_json_raw(&json, "model", run->model);
        hedon_json_raw(&json, "settings", run->settings);
        end_event(&json);
    } else if (hedon_scorer_warning(scorer) && !show->quiet) {
        printf("%s\n\n", hedon_scorer_warning(scorer));
        fflush(stdout);
    }
}

static void video(void *opaque, const char *path, const HedonScore *score)
{
    HedonAnnotateShow *show = opaque;
    if (show->json && (!score || !score->code)) event_video(path, score);
    if (!score || !score->code) return;
    hedon_progress_clear(&show->bar);
    if (show->json) event_error("error", path, score->error);
    if (!show->quiet) hedon_report(path, score->code, score->error);
}

static void trouble(void *opaque, const char *path, const char *sentence)
{
    HedonAnnotateShow *show = opaque;
    hedon_progress_clear(&show->bar);
    if (show->json) event_error("unreadable", path, sentence);
    if (!show->quiet) hedon_say("%s: %s", path, sentence);
}

/* "14.6/s, decode 97%, inference 40%": the rates of now for a narrow place. */
static void describe(char *text, size_t size, const HedonAnnotateState *state)
{
    const HedonAnnotateStageTime *stages = state->stages;
    const double decoding =
        100 * (stages[HEDON_ANNOTATE_DECODE].use_now + stages[HEDON_ANNOTATE_PREPROCESS].use_now);
    snprintf(text, size, "%.3g/s, %lld failed, decoding %.0f%%, inference %.0f%%, writing %.0f%%",
             state->per_s, (long long)state->failed, decoding > 100 ? 100 : decoding,
             100 * stages[HEDON_ANNOTATE_INFERENCE].use_now,
             100 * stages[HEDON_ANNOTATE_WRITE].use_now);
}

static void say_progress(const HedonAnnotateState *state, int64_t dealt, const char *rates)
{
    char left[64] = "", time[32];
    if (left_s(state) >= 0) {
        hedon_annotate_show_time(time, sizeof(time), left_s(state));
        snprintf(left, sizeof(left), ", %s left", time);
    }
    if (state->left > 0 && state->left == state->elsewhere)
        hedon_say("%lld done; waiting for %lld that other workers have", (long long)dealt,
                  (long long)state->elsewhere);
    else if (state->left >= 0)
        hedon_say("%lld of %lld%s done%s; %s", (long long)dealt, (long long)(dealt + state->left),
                  state->discovering ? " found so far" : "", left, rates);
    else
        hedon_say("%lld done; %s", (long long)dealt, rates);
}

static void progress(void *opaque, const HedonAnnotateState *state)
{
    HedonAnnotateShow *show = opaque;
    const int64_t dealt = state->done + state->failed + state->unchanged;
    char rates[160];
    describe(rates, sizeof(rates), state);
    if (show->bar.visible)
        hedon_progress_update(&show->bar, rates, dealt, state->left < 0 ? 0 : dealt + state->left);
    const double now = hedon_clock_s();
    if (show->bar.visible || now - show->shown_s < show->every_s) return;
    show->shown_s = now;
    if (show->json) {
        HedonJson json = {.out = stdout};
        begin_event(&json, "progress");
        write_state(&json, state);
        end_event(&json);
    } else if (!show->quiet) {
        say_progress(state, dealt, rates);
    }
}

HedonAnnotateCallbacks hedon_annotate_show_callbacks(HedonAnnotateShow *show)
{
    return (HedonAnnotateCallbacks){.opaque = show,
                                    .started = started,
                                    .video = video,
                                    .trouble = trouble,
                                    .progress = progress};
}

/* ---- The end */

static void print_counts(const HedonAnnotateShow *show, const HedonAnnotateState *state)
{
    char time[32];
    hedon_annotate_show_time(time, sizeof(time), state->elapsed_s);
    const int64_t dealt = state->done + state->failed + state->unchanged;
    printf("%lld annotated, %lld failed in %s", (long long)state->done, (long long)state->failed,
           time);
    if (dealt && state->elapsed_s > 0) printf(" (%.3g a second)", (double)dealt / state->elapsed_s);
    printf("; results are in %s\n", show->store);
    printf("found: %lld videos, %lld of them known before", (long long)state->found.files,
           (long long)state->entered.known);
    if (state->found.others) printf("; %lld other files", (long long)state->found.others);
    if (state->found.troubles) printf("; %lld unreadable", (long long)state->found.troubles);
    printf("\n");
    if (state->unchanged)
        printf("%lld looked changed but are the same: their results were kept\n",
               (long long)state->unchanged);
    if (state->lost)
        printf("%lld results came too late: other workers had taken over\n",
               (long long)state->lost);
}

static void print_stages(const HedonAnnotateState *state)
{
    printf("\n%-12s %10s %10s %6s %6s\n", "stage", "busy", "processor", "lanes", "use");
    for (int i = 0; i < HEDON_ANNOTATE_STAGES; i++) {
        const HedonAnnotateStageTime *stage = &state->stages[i];
        printf("%-12s %8.1f s %8.1f s %6d %5.0f%%\n",
               hedon_annotate_stage_name((HedonAnnotateStage)i), stage->busy_s, stage->cpu_s,
               stage->lanes, 100 * stage->use);
    }
    printf("bottleneck: %s; %.0f%% of %d cores used; decoders: %d, computing streams: %d%s\n",
           hedon_annotate_stage_name(state->bottleneck), 100 * state->cores_use, state->cores,
           state->workers, state->streams, state->measured ? ", chosen by measurement" : "");
}

static int end_status(int code, const HedonAnnotateState *state)
{
    if (code == HEDON_ECANCELLED) return EXIT_INTERRUPTED;
    return code || state->failed || state->found.troubles ? EXIT_SOME_FAILED : EXIT_GOOD;
}

int hedon_annotate_show_end(HedonAnnotateShow *show, int code, const char *sentence,
                            const HedonAnnotateState *state)
{
    const int status = end_status(code, state);
    hedon_progress_clear(&show->bar);
    if (show->json) {
        HedonJson json = {.out = stdout};
        begin_event(&json, "end");
        hedon_json_integer(&json, "status", status);
        hedon_json_string(&json, "error", code ? sentence : NULL);
        write_state(&json, state);
        end_event(&json);
    } else if (!show->quiet && show->begun) {
        print_counts(show, state);
        if (state->done + state->failed) print_stages(state);
        fflush(stdout);
    }
    if (code == HEDON_ECANCELLED)
        hedon_say("interrupted; the same command goes on from here");
    else if (code && show->begun)
        hedon_say("%s; what is in %s is complete: the same command goes on from there", sentence,
                  show->store);
    else if (code)
        hedon_report(NULL, code, sentence);
    return status;
}

/* ---- Estimates */

/* "3.1 GB" */
static void format_bytes(char *text, size_t size, double bytes)
{
    static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB", "PB"};
    int unit = 0;
    for (; bytes >= 1000 && unit < 5; unit++) bytes /= 1000;
    snprintf(text, size, "%.*f %s", unit && bytes < 10 ? 1 : 0, bytes, units[unit]);
}

static void print_estimate(const HedonAnnotateShow *show, const HedonAnnotateEstimate *estimate)
{
    char videos[32], disk[32], time[32], low[32], high[32];
    format_bytes(videos, sizeof(videos), (double)estimate->bytes);
    format_bytes(disk, sizeof(disk), estimate->disk_bytes);
    hedon_annotate_show_time(time, sizeof(time), estimate->seconds);
    hedon_annotate_show_time(low, sizeof(low), estimate->seconds_low);
    hedon_annotate_show_time(high, sizeof(high), estimate->seconds_high);
    printf("%lld videos, %s\n", (long long)estimate->found.files, videos);
    if (!estimate->sampled) return;
    printf("about %s on this machine (%s to %s, from %d videos scored now, %d of them failed)\n",
           time, low, high, estimate->sampled, estimate->failed);
    printf("about %s for the store\n", disk);
    if (estimate->known)
        printf("%s has %lld of this model and timeline already: these need no time again\n",
               show->store, (long long)estimate->known);
}

static void write_estimate(HedonJson *json, const HedonAnnotateEstimate *estimate)
{
    hedon_json_integer(json, "videos", estimate->found.files);
    hedon_json_integer(json, "bytes", estimate->bytes);
    hedon_json_integer(json, "sampled", estimate->sampled);
    hedon_json_integer(json, "sampled_failed", estimate->failed);
    hedon_json_number(json, "seconds", estimate->seconds);
    hedon_json_number(json, "seconds_low", estimate->seconds_low);
    hedon_json_number(json, "seconds_high", estimate->seconds_high);
    hedon_json_integer(json, "store_bytes", (int64_t)estimate->disk_bytes);
    hedon_json_integer(json, "known", estimate->known);
}

int hedon_annotate_show_estimate(HedonAnnotateShow *show, int code, const char *sentence,
                                 const HedonAnnotateEstimate *estimate)
{
    hedon_progress_clear(&show->bar);
    if (code) return hedon_report(NULL, code, sentence);
    if (show->json) {
        HedonJson json = {.out = stdout};
        begin_event(&json, "estimate");
        write_estimate(&json, estimate);
        end_event(&json);
    } else {
        print_estimate(show, estimate);
    }
    return estimate->found.troubles ? EXIT_SOME_FAILED : EXIT_GOOD;
}
