/* WebVTT (W3C): a header with what the numbers are, then a cue a clip. */
#include <math.h>
#include <string.h>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/memory.h"
#include "report/export.h"
#include "report/place.h"
#include "score/json_writer.h"

enum { SHOWN = 3 };

/* Text of a comment or a cue: one line, no markup, and no "-->", which would begin a cue. */
static void put_text(FILE *out, const char *text)
{
    while (*text) {
        const int length = hedon_utf8_length(text);
        if (*text == '<')
            fputs("&lt;", out);
        else if (*text == '>')
            fputs("&gt;", out);
        else if (*text == '&')
            fputs("&amp;", out);
        else if (length == 1 && (unsigned char)*text < 0x20)
            fputc(' ', out);
        else if (length)
            fwrite(text, 1, (size_t)length, out);
        else
            fputs("\xef\xbf\xbd", out);
        text += length ? length : 1;
    }
}

static void put_time(FILE *out, long long milliseconds)
{
    fprintf(out, "%02lld:%02lld:%02lld.%03lld", milliseconds / 3600000, milliseconds / 60000 % 60,
            milliseconds / 1000 % 60, milliseconds % 1000);
}

/* The strongest emotions of a clip, strongest first; ties in alphabetical order. */
static void strongest(const float *emotions, int top[SHOWN])
{
    uint32_t taken = 0;
    for (int k = 0; k < SHOWN; k++) {
        int best = -1;
        for (int i = 0; i < HEDON_EMOTIONS; i++)
            if (!(taken >> i & 1) && (best < 0 || emotions[i] > emotions[best])) best = i;
        taken |= 1u << best;
        top[k] = best;
    }
}

static void put_cue(FILE *out, const HedonScore *score, const HedonScoreClip *clip)
{
    const long long start = llround(1e3 * fmax(0, clip->start_s));
    long long end = llround(1e3 * fmax(0, clip->end_s));
    if (end <= start) end = start + 1; /* a clip of one frame; a cue must last */
    fputc('\n', out);
    put_time(out, start);
    fputs(" --> ", out);
    put_time(out, end);
    fputc('\n', out);
    int top[SHOWN];
    char number[32];
    strongest(clip->emotions, top);
    for (int k = 0; k < SHOWN && score->has_emotions; k++) {
        hedon_format_number(number, round(100 * clip->emotions[top[k]]) / 100);
        fputs(k ? ", " : "", out);
        put_text(out, hedon_emotion_name(top[k]));
        fprintf(out, " %s", number);
    }
    if (score->has_emotions) fputc('\n', out);
    if (score->has_utility) {
        hedon_format_number(number, round(1000 * clip->utility) / 1000);
        fprintf(out, "utility %s\n", number);
    }
}

int hedon_vtt_write(HedonContext *ctx, FILE *out, const HedonReportRun *run,
                    const HedonScore *score)
{
    fputs("WEBVTT\n\nNOTE\n", out);
    if (run->warning) {
        put_text(out, run->warning);
        fputc('\n', out);
    }
    fputs("Predictions by model ", out);
    put_text(out, run->info.name);
    fputs(" (", out);
    put_text(out, run->info.trained_on);
    fputs("). Intensities are mean ratings of whole clips;\nnobody rated moments. The utility is "
          "predicted pleasantness of watching, without zero or unit.\n",
          out);
    for (int64_t i = 0; i < score->clip_count; i++) put_cue(out, score, &score->clips[i]);
    return ferror(out) ? hedon_fail_errno(ctx, "cannot write") : 0;
}

typedef struct Tracks {
    HedonContext *ctx;
    const HedonExport *export;
    const char *folder;
    HedonRoots roots;
    HedonExported *exported;
} Tracks;

/* Where a video's track goes; free with hedon_free. */
static int track_path(Tracks *tracks, const HedonStoreRow *row, char **path)
{
    char *name = NULL;
    *path = NULL;
    if (tracks->folder) {
        const int code = hedon_roots_name(tracks->ctx, &tracks->roots, row->root, row->path, &name);
        if (code) return code;
    }
    const char *parts[] = {tracks->folder ? tracks->folder : "", tracks->folder ? "/" : "",
                           name ? name : row->path, name ? ".vtt" : ".hedon.vtt"};
    size_t size = 1;
    for (int i = 0; i < 4; i++) size += strlen(parts[i]);
    *path = hedon_malloc(size, 1);
    if (*path) snprintf(*path, size, "%s%s%s%s", parts[0], parts[1], parts[2], parts[3]);
    hedon_free(name);
    return *path ? 0 : hedon_fail_memory(tracks->ctx);
}

static int write_track(void *opaque, const HedonStoreRow *row)
{
    Tracks *tracks = opaque;
    HedonContext *ctx = tracks->ctx;
    HedonAtomicFile *file = NULL;
    char *path;
    int code = track_path(tracks, row, &path);
    if (!code && tracks->folder) code = hedon_make_folders(ctx, path);
    if (!code) code = hedon_atomic_open(ctx, &file, path);
    if (!code) {
        code = hedon_vtt_write(ctx, hedon_atomic_stream(file), tracks->export->run, &row->score);
        if (code)
            hedon_atomic_abort(file);
        else
            code = hedon_atomic_commit(ctx, file);
    }
    hedon_free(path);
    tracks->exported->videos += !code;
    return code ? code : hedon_check_cancelled(ctx);
}

int hedon_export_vtt(HedonContext *ctx, const HedonExport *export, const char *folder,
                     HedonExported *exported)
{
    Tracks tracks = {.ctx = ctx, .export = export, .folder = folder, .exported = exported};
    const HedonStoreQuery query = {
        .run = export->run->id, .order = HEDON_STORE_BY_PATH, .clips = 1, .where = export->where};
    const int code = hedon_store_each(ctx, export->store, &query, write_track, &tracks);
    hedon_roots_clear(&tracks.roots);
    return code;
}
