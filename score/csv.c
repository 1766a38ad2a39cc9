/* CSV: the same columns whether a row is a video or a clip of it. */
#include <string.h>

#include "score/json_writer.h"
#include "score/wording.h"

static void write_text(FILE *out, const char *text)
{
    if (!text) return;
    const int quoted = strpbrk(text, ",\"\r\n") != NULL;
    if (quoted) fputc('"', out);
    while (*text) {
        const int length = hedon_utf8_length(text);
        if (*text == '"')
            fputs("\"\"", out);
        else if (length)
            fwrite(text, 1, (size_t)length, out);
        else
            fputs("\xef\xbf\xbd", out);
        text += length ? length : 1;
    }
    if (quoted) fputc('"', out);
}

static void write_number(FILE *out, int known, double value)
{
    char text[32];
    fputc(',', out);
    if (!known) return;
    hedon_format_number(text, value);
    fputs(text, out);
}

static void write_header(FILE *out)
{
    fputs("video,error,start_s,end_s,percentile,utility", out);
    for (int i = 0; i < HEDON_EMOTIONS; i++) {
        fputc(',', out);
        write_text(out, hedon_emotion_name(i));
    }
    fputc('\n', out);
}

static void write_video(FILE *out, const HedonScore *score)
{
    const int good = !score->code;
    write_text(out, score->video);
    fputc(',', out);
    write_text(out, score->error);
    write_number(out, good, 0);
    write_number(out, good, score->duration_s);
    write_number(out, good && score->has_percentile, score->percentile);
    write_number(out, good && score->has_utility, score->utility);
    for (int i = 0; i < HEDON_EMOTIONS; i++)
        write_number(out, good && score->has_emotions, score->emotions[i]);
    fputc('\n', out);
}

static void write_clip(FILE *out, const HedonScore *score, const HedonScoreClip *clip)
{
    write_text(out, score->video);
    fputc(',', out);
    write_number(out, 1, clip->start_s);
    write_number(out, 1, clip->end_s);
    write_number(out, 0, 0); /* the reference is of whole videos */
    write_number(out, score->has_utility, clip->utility);
    for (int i = 0; i < HEDON_EMOTIONS; i++)
        write_number(out, score->has_emotions, clip->emotions[i]);
    fputc('\n', out);
}

int hedon_score_csv(HedonContext *ctx, const HedonScore *score, int per_clip, char **text)
{
    size_t size;
    FILE *out = hedon_wording_open(ctx, text, &size);
    if (!out) return HEDON_ENOMEM;
    if (!score)
        write_header(out);
    else if (!per_clip || score->code)
        write_video(out, score);
    else
        for (int64_t i = 0; i < score->clip_count; i++) write_clip(out, score, &score->clips[i]);
    return hedon_wording_close(ctx, out, text);
}
