#include "report/site_data.h"

#include <math.h>
#include <string.h>

#include "models/emotion_words.h"
#include "report/place.h"
#include "score/json_writer.h"
#include "score/series.h"

static void begin(FILE *out, const char *name, int64_t shard)
{
    fprintf(out, "hedonData(\"%s", name);
    if (shard >= 0) fprintf(out, "-%lld", (long long)shard);
    fputs("\",", out);
}

static void end(FILE *out)
{
    fputs(");\n", out);
}

/* ---- What all pages share */

static void write_names(HedonJson *json)
{
    hedon_json_array(json, "emotions");
    for (int i = 0; i < HEDON_EMOTIONS; i++) hedon_json_string(json, NULL, hedon_emotion_name(i));
    hedon_json_end_array(json);
    hedon_json_array(json, "words");
    for (int i = 0; i < HEDON_EMOTIONS; i++) {
        hedon_json_array(json, NULL);
        hedon_json_number(json, NULL, hedon_emotion_word(i)[HEDON_PLEASURE]);
        hedon_json_number(json, NULL, hedon_emotion_word(i)[HEDON_AROUSAL]);
        hedon_json_end_array(json);
    }
    hedon_json_end_array(json);
}

void hedon_site_write_site(FILE *out, const HedonSite *site)
{
    const HedonReportRun *run = site->run;
    char caveat[1024];
    HedonJson json = {.out = out};
    begin(out, "site", -1);
    hedon_json_object(&json, NULL);
    hedon_json_string(&json, "version", HEDON_VERSION);
    hedon_json_string(&json, "title", site->title);
    hedon_json_bool(&json, "live", site->live);
    hedon_json_string(&json, "model", run->info.name);
    hedon_json_string(&json, "settings", run->settings);
    hedon_json_string(&json, "warning", run->warning);
    hedon_report_caveat(caveat, sizeof(caveat), run, "pleasantness of watching and mean ratings");
    hedon_json_string(&json, "caveat", caveat);
    hedon_json_string(&json, "ranking", caveat);
    hedon_json_string(&json, "notes", run->notes);
    hedon_json_string(&json, "reference", run->info.reference_name);
    hedon_json_integer(&json, "done", run->done);
    hedon_json_integer(&json, "failed", run->failed);
    hedon_json_integer(&json, "rows", site->rows);
    hedon_json_integer(&json, "left_out", site->left_out);
    hedon_json_integer(&json, "shards",
                       (site->rows + HEDON_SITE_SHARD_ROWS - 1) / HEDON_SITE_SHARD_ROWS);
    hedon_json_integer(&json, "thumbnails", site->thumbnails);
    hedon_json_bool(&json, "has_emotions", site->has_emotions);
    hedon_json_bool(&json, "has_utility", site->has_utility);
    write_names(&json);
    hedon_json_end_object(&json);
    end(out);
}

void hedon_site_write_progress(FILE *out, const HedonReportRun *run, double rate)
{
    HedonJson json = {.out = out};
    begin(out, "progress", -1);
    hedon_json_object(&json, NULL);
    hedon_json_integer(&json, "todo", run->todo);
    hedon_json_integer(&json, "leased", run->leased);
    hedon_json_integer(&json, "done", run->done);
    hedon_json_integer(&json, "failed", run->failed);
    hedon_json_number(&json, "rate", rate);
    hedon_json_end_object(&json);
    end(out);
}

/* ---- A video */

void hedon_site_video(HedonSiteVideo *video, const HedonSite *site, const HedonStoreRow *row,
                      int64_t shard)
{
    *video = (HedonSiteVideo){.row = row, .shard = shard};
    video->peak_count = hedon_peaks(&row->score, site->thumbnails, video->peaks);
    if (video->peak_count)
        snprintf(video->thumb, sizeof(video->thumb), "%lld-%.8s-%d", (long long)row->id,
                 row->hash && strlen(row->hash) >= 8 ? row->hash : "00000000", video->peak_count);
}

static void put_number(HedonJson *json, int known, double value)
{
    if (known)
        hedon_json_number(json, NULL, value);
    else
        hedon_json_null(json, NULL);
}

/* Thousandths: three digits are more than a picture shows. */
static void put_emotions(HedonJson *json, const char *key, const double *emotions)
{
    if (!emotions) {
        hedon_json_null(json, key);
        return;
    }
    hedon_json_array(json, key);
    for (int i = 0; i < HEDON_EMOTIONS; i++)
        hedon_json_integer(json, NULL, llround(1000 * emotions[i]));
    hedon_json_end_array(json);
}

void hedon_site_rows_begin(FILE *out, int64_t shard)
{
    begin(out, "rows", shard);
    fputs("[\n", out);
}

void hedon_site_rows_put(FILE *out, const HedonSiteVideo *video, int first)
{
    const HedonStoreRow *row = video->row;
    const HedonScore *score = &row->score;
    const int good = !score->code;
    HedonJson json = {.out = out};
    if (!first) fputs(",\n", out);
    hedon_json_array(&json, NULL);
    hedon_json_integer(&json, NULL, row->id);
    hedon_json_integer(&json, NULL, video->shard);
    hedon_json_string(&json, NULL, hedon_path_under(row->root, row->path));
    put_number(&json, good, score->duration_s);
    put_number(&json, good && score->has_utility, score->utility);
    put_number(&json, good && score->has_percentile, score->percentile);
    put_emotions(&json, NULL, good && score->has_emotions ? score->emotions : NULL);
    hedon_json_string(&json, NULL, good ? NULL : score->error ? score->error : "failed");
    hedon_json_string(&json, NULL, video->thumb[0] ? video->thumb : NULL);
    hedon_json_integer(&json, NULL, video->peak_count);
    hedon_json_end_array(&json);
}

void hedon_site_rows_end(FILE *out)
{
    fputs("\n]", out);
    end(out);
}

/* ---- Records */

/* Percent-encoded bytes, so that names that are not UTF-8 are found too (RFC 3986). */
static void write_url(FILE *out, const char *path)
{
    for (; *path; path++) {
        const unsigned char c = (unsigned char)*path;
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
            strchr("-._~/", c))
            fputc(c, out);
        else
            fprintf(out, "%%%02X", c);
    }
}

static void put_clips(HedonJson *json, const HedonScore *score)
{
    hedon_json_array(json, "clips");
    for (int64_t i = 0; i < score->clip_count; i++) {
        const HedonScoreClip *clip = &score->clips[i];
        double emotions[HEDON_EMOTIONS];
        for (int k = 0; k < HEDON_EMOTIONS; k++) emotions[k] = clip->emotions[k];
        hedon_json_array(json, NULL);
        hedon_json_number(json, NULL, clip->start_s);
        hedon_json_number(json, NULL, clip->end_s);
        put_number(json, score->has_utility, clip->utility);
        put_emotions(json, NULL, score->has_emotions ? emotions : NULL);
        hedon_json_end_array(json);
    }
    hedon_json_end_array(json);
}

static void put_peaks(HedonJson *json, const HedonSiteVideo *video)
{
    hedon_json_array(json, "peaks");
    for (int i = 0; i < video->peak_count; i++) {
        const HedonPeak *peak = &video->peaks[i];
        char label[64];
        if (peak->series == HEDON_SERIES_UTILITY)
            snprintf(label, sizeof(label), "%s pleasant", peak->lowest ? "least" : "most");
        else
            snprintf(label, sizeof(label), "%s peaks", hedon_emotion_name(peak->series));
        hedon_json_array(json, NULL);
        hedon_json_number(json, NULL, peak->time_s);
        hedon_json_string(json, NULL, label);
        hedon_json_end_array(json);
    }
    hedon_json_end_array(json);
}

static void put_result(HedonJson *json, const HedonScore *score)
{
    hedon_json_number(json, "duration", score->duration_s);
    hedon_json_integer(json, "frames", score->frames);
    hedon_json_integer(json, "width", score->width);
    hedon_json_integer(json, "height", score->height);
    hedon_json_bool(json, "damaged", score->damaged);
    hedon_json_integer(json, "lost", score->lost);
    hedon_json_number(json, "utility", score->has_utility ? score->utility : NAN);
    hedon_json_number(json, "utility_sd", score->utility_sd);
    hedon_json_number(json, "percentile", score->has_percentile ? score->percentile : NAN);
    hedon_json_integer(json, "views", score->views);
    put_emotions(json, "emotions", score->has_emotions ? score->emotions : NULL);
}

void hedon_site_clips_begin(FILE *out, int64_t shard)
{
    begin(out, "clips", shard);
    fputs("{\n", out);
}

void hedon_site_clips_put(FILE *out, const HedonSite *site, const HedonSiteVideo *video, int first)
{
    const HedonStoreRow *row = video->row;
    HedonJson json = {.out = out};
    fprintf(out, "%s\"%lld\":", first ? "" : ",\n", (long long)row->id);
    hedon_json_object(&json, NULL);
    hedon_json_string(&json, "name", hedon_path_under(row->root, row->path));
    hedon_json_string(&json, "path", row->path);
    if (site->live) {
        fprintf(out, ",\"url\":\"media/%lld\"", (long long)row->id);
    } else {
        fputs(",\"url\":\"file://", out);
        write_url(out, row->path);
        fputc('"', out);
    }
    hedon_json_string(&json, "error",
                      !row->score.code   ? NULL
                      : row->score.error ? row->score.error
                                         : "failed");
    if (!row->score.code) put_result(&json, &row->score);
    hedon_json_string(&json, "thumb", video->thumb[0] ? video->thumb : NULL);
    put_peaks(&json, video);
    put_clips(&json, &row->score);
    hedon_json_end_object(&json);
}

void hedon_site_clips_end(FILE *out)
{
    fputs("\n}", out);
    end(out);
}

void hedon_site_title(char *title, size_t size, const char *place)
{
    const char *slash = strrchr(place, '/');
    const char *name = slash ? slash + 1 : place;
    const int length = (int)(strstr(place, "://") ? strcspn(name, "?") : strlen(name));
    char own[256];
    snprintf(own, sizeof(own), "%.*s", length < 200 ? length : 200, name);
    hedon_utf8_clean(title, size, *own ? own : "annotations");
}
