#include "decode/index.h"

#include "base/error.h"
#include "base/memory.h"
#include "decode/index_mp4.h"

#include <libavutil/common.h>

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* While scanning, an entry's frame says only whether it shows one. */
enum { SHOWS = 0, HIDDEN = -1 };

typedef struct Scan {
    HedonIndex *index;
    HedonPeek peek;
    int64_t last_duration; /* of the packet shown last, in the time base */
    int64_t last_pts;
    int missing_pts, side_data, begins_with_key;
} Scan;

static int add_packet(HedonContext *ctx, Scan *scan, const AVPacket *packet, int hollow)
{
    HedonIndex *index = scan->index;
    if (index->count == index->capacity) {
        const int64_t capacity = index->capacity ? index->capacity * 2 : 1024;
        HedonIndexPacket *packets =
            hedon_realloc(index->packets, (size_t)capacity, sizeof *packets);
        if (!packets) return hedon_fail_memory(ctx);
        index->packets = packets;
        index->capacity = capacity;
    }
    const int peeked = hollow ? 0 : hedon_peek(&scan->peek, packet->data, packet->size);
    const int shows =
        !(packet->flags & AV_PKT_FLAG_DISCARD) && !(peeked & HEDON_PEEK_HIDDEN) && packet->size;
    const int key = !!(packet->flags & AV_PKT_FLAG_KEY);
    const int32_t last_entry = index->count ? index->packets[index->count - 1].entry : 0;
    index->packets[index->count] = (HedonIndexPacket){
        .position = packet->pos,
        .pts = packet->pts,
        .size = packet->size,
        .frame = shows ? SHOWS : HIDDEN,
        .entry =
            key && (hollow || (peeked & HEDON_PEEK_ENTRY)) ? (int32_t)index->count : last_entry,
    };
    index->count++;
    scan->begins_with_key |= index->count == 1 && key;
    scan->missing_pts |= packet->pts == AV_NOPTS_VALUE;
    scan->side_data |= packet->side_data_elems > 0;
    index->damaged |= !!(packet->flags & AV_PKT_FLAG_CORRUPT);
    index->frames += shows;
    if (shows && packet->pts != AV_NOPTS_VALUE && packet->pts >= scan->last_pts) {
        scan->last_pts = packet->pts;
        scan->last_duration = packet->duration;
    }
    return 0;
}

typedef struct Shown {
    int64_t pts;
    int32_t packet;
} Shown;

static int by_pts(const void *left, const void *right)
{
    const Shown *a = left, *b = right;
    if (a->pts != b->pts) return a->pts < b->pts ? -1 : 1;
    return (a->packet > b->packet) - (a->packet < b->packet);
}

/* Decoding order is presentation order but for a few places, so insertion is the fast way; a
 * hostile file that makes it slow gets the other. */
static void sort_shown(Shown *shown, int64_t count)
{
    int64_t moves = 0;
    for (int64_t i = 1; i < count; i++) {
        const Shown one = shown[i];
        int64_t at = i;
        for (; at > 0 && by_pts(&shown[at - 1], &one) > 0; at--) shown[at] = shown[at - 1];
        shown[at] = one;
        moves += i - at;
        if (moves > 32 * count) {
            qsort(shown, (size_t)count, sizeof *shown, by_pts);
            return;
        }
    }
}

static void rank(HedonIndex *index, Shown *shown)
{
    int64_t n = 0;
    for (int64_t p = 0; p < index->count; p++)
        if (index->packets[p].frame == SHOWS)
            shown[n++] = (Shown){.pts = index->packets[p].pts, .packet = (int32_t)p};
    sort_shown(shown, n);
    for (int64_t f = 0; f < n; f++) {
        index->packets[shown[f].packet].frame = (int32_t)f;
        index->packet_of[f] = shown[f].packet;
    }
    /* A frame that is shown at place f but decoded in place d > f waits for d - f others. */
    int64_t d = 0, delay = 0;
    for (int64_t p = 0; p < index->count; p++)
        if (index->packets[p].frame >= 0) {
            if (d - index->packets[p].frame > delay) delay = d - index->packets[p].frame;
            d++;
        }
    index->delay = delay > 16 ? 16 : (int)delay;
}

/* Times without trustworthy stamps: evenly, at the rate that the container names. */
static void space_evenly(HedonIndex *index, const AVStream *stream)
{
    AVRational rate = stream->avg_frame_rate;
    if (rate.num <= 0 || rate.den <= 0) rate = stream->r_frame_rate;
    if (rate.num <= 0 || rate.den <= 0) rate = (AVRational){25, 1};
    for (int64_t f = 0; f < index->frames; f++) index->times[f] = (double)f * rate.den / rate.num;
    index->duration_s = (double)index->frames * rate.den / rate.num;
}

static int distinct(const Shown *shown, int64_t count)
{
    for (int64_t f = 1; f < count; f++)
        if (shown[f].pts == shown[f - 1].pts) return 0;
    return 1;
}

/* Whether nothing is shown before the first packet that might need what the file lacks. */
static int begins_cleanly(const HedonIndex *index)
{
    for (int64_t p = 1; p < index->count && index->packets[p].entry == 0; p++)
        if (index->packets[p].pts < index->packets[0].pts) return 0;
    return 1;
}

static int forecast(HedonContext *ctx, Scan *scan, const HedonDemux *demux)
{
    HedonIndex *index = scan->index;
    Shown *shown = hedon_malloc((size_t)index->frames, sizeof *shown);
    index->packet_of = hedon_malloc((size_t)index->frames, sizeof *index->packet_of);
    index->times = hedon_malloc((size_t)index->frames, sizeof *index->times);
    if (!shown || !index->packet_of || !index->times) {
        hedon_free(shown);
        return hedon_fail_memory(ctx);
    }
    rank(index, shown);
    const double tick = av_q2d(demux->stream->time_base);
    const int64_t n = index->frames;
    if (scan->missing_pts || !isfinite(tick) || tick <= 0 ||
        (n > 1 && shown[n - 1].pts == shown[0].pts)) {
        space_evenly(index, demux->stream);
    } else {
        for (int64_t f = 0; f < n; f++)
            index->times[f] = ((double)shown[f].pts - (double)shown[0].pts) * tick;
        double last = (double)scan->last_duration * tick;
        if (!(last > 0)) last = n > 1 ? index->times[n - 1] / (double)(n - 1) : 1.0 / 25;
        index->duration_s = index->times[n - 1] + last;
        index->ranked = scan->peek.known && scan->begins_with_key && distinct(shown, n) &&
                        begins_cleanly(index);
    }
    hedon_free(shown);
    return 0;
}

int hedon_index_can_be_hollow(const HedonDemux *demux)
{
    HedonPeek peek;
    hedon_peek_init(&peek, demux->stream->codecpar);
    /* VP8 says only in its packets which of them are shown. */
    return peek.known && peek.codec != AV_CODEC_ID_VP8 && !demux->probed &&
           hedon_demux_is_plain_mp4(demux);
}

static int check_count(HedonContext *ctx, const HedonIndex *index, int64_t max_frames)
{
    if (index->count <= max_frames && index->count <= INT32_MAX) return 0;
    return hedon_fail(ctx, HEDON_ELIMIT, "has more frames than the allowed %lld",
                      (long long)max_frames);
}

/* Of a sample without an offset, as libavformat: up to the next one's time, if that is later. */
static int64_t sample_duration(AVStream *stream, int i, int64_t otherwise)
{
    const AVIndexEntry *next = avformat_index_get_entry(stream, i + 1);
    const int64_t begin = avformat_index_get_entry(stream, i)->timestamp;
    const int64_t end = next ? next->timestamp : stream->duration;
    int64_t duration;
    return end < begin || __builtin_sub_overflow(end, begin, &duration) ? otherwise : duration;
}

/* An mp4's packets from its tables, given its first one. What that one's presentation time is beyond
 * decoding time and offset (edit lists, the shift for negative offsets) is so for all. 1; 0 when the
 * tables are not understood. */
static int scan_tables(HedonContext *ctx, Scan *scan, const HedonDemux *demux, AVPacket *packet,
                       int64_t max_frames)
{
    AVStream *stream = demux->stream;
    const int count = avformat_index_get_entries_count(stream);
    const AVIndexEntry *first = avformat_index_get_entry(stream, 0);
    if (count > max_frames || !first || packet->pos != first->pos || packet->side_data_elems ||
        packet->pts == AV_NOPTS_VALUE)
        return 0;
    int32_t *offsets;
    int code = hedon_mp4_offsets(ctx, demux, &offsets);
    if (code != 1) return code;
    const int64_t shift = av_sat_sub64(
        packet->pts, av_sat_add64(first->timestamp, offsets ? offsets[0] : 0));
    for (int i = 0; i < count && code == 1; i++) {
        const AVIndexEntry *entry = avformat_index_get_entry(stream, i);
        packet->pos = entry->pos;
        packet->size = entry->size;
        packet->pts =
            av_sat_add64(av_sat_add64(entry->timestamp, offsets ? offsets[i] : 0), shift);
        if (!offsets) /* as libavformat; with offsets it takes the frame rate's, for all the same */
            packet->duration = sample_duration(stream, i, packet->duration);
        packet->flags = (entry->flags & AVINDEX_KEYFRAME ? AV_PKT_FLAG_KEY : 0) |
                        (entry->flags & AVINDEX_DISCARD_FRAME ? AV_PKT_FLAG_DISCARD : 0);
        const int added = add_packet(ctx, scan, packet, 1);
        if (added < 0) code = added;
    }
    hedon_free(offsets);
    return code;
}

/* The demuxer's packets, one after the other; *ret is what ended them. */
static int scan_packets(HedonContext *ctx, Scan *scan, HedonDemux *demux, AVPacket *packet,
                        int64_t max_frames, int hollow, int *ret)
{
    int code = 0;
    while ((*ret = hedon_demux_read(demux, packet)) >= 0) {
        hedon_budget_advanced(demux->budget);
        code = hollow && !scan->index->count ? scan_tables(ctx, scan, demux, packet, max_frames) : 0;
        if (code == 1) {
            *ret = AVERROR_EOF;
            return 0;
        }
        if (!code) code = add_packet(ctx, scan, packet, hollow);
        av_packet_unref(packet);
        if (!code) code = check_count(ctx, scan->index, max_frames);
        if (code < 0) return code;
    }
    return 0;
}

int hedon_index_scan(HedonContext *ctx, HedonIndex *index, HedonDemux *demux, int64_t max_frames,
                     int hollow)
{
    Scan scan = {.index = index, .last_pts = INT64_MIN};
    hedon_peek_init(&scan.peek, demux->stream->codecpar);
    if (hollow) {
        demux->hollow = 1;
        demux->format->flags |= AVFMT_FLAG_NOPARSE;
    }
    AVPacket *packet = av_packet_alloc();
    if (!packet) return hedon_fail_memory(ctx);
    int ret;
    int code = scan_packets(ctx, &scan, demux, packet, max_frames, hollow, &ret);
    av_packet_free(&packet);
    if (code < 0) return code;
    if (ret != AVERROR_EOF) {
        code = hedon_budget_check(ctx, demux->budget);
        if (code < 0) return code;
        if (ret == AVERROR(ENOMEM)) return hedon_fail_memory(ctx);
        index->damaged = 1;
    }
    if (hollow) {
        const int64_t named = avformat_index_get_entries_count(demux->stream);
        index->missing = named > index->count ? named - index->count : 0;
        index->damaged |= index->missing > 0;
    }
    if (!index->frames) return hedon_fail(ctx, HEDON_EDATA, "its video stream holds no pictures");
    /* A change of the decoder's set-up travels beside the packets, not in them. */
    index->direct = hollow && !scan.side_data;
    return forecast(ctx, &scan, demux);
}

int64_t hedon_index_entry(const HedonIndex *index, int64_t frame)
{
    const HedonIndexPacket *packets = index->packets;
    const int64_t shown = index->packet_of[frame];
    int64_t p = packets[shown].entry;
    while (p > 0 && packets[p].pts > packets[shown].pts) p = packets[p - 1].entry;
    return p;
}

void hedon_index_drop_entry(HedonIndex *index, int64_t packet)
{
    if (packet == 0) return;
    const int32_t before = index->packets[packet - 1].entry;
    for (int64_t p = packet; p < index->count && index->packets[p].entry == packet; p++)
        index->packets[p].entry = before;
}

void hedon_index_settle(HedonIndex *index, double *times, int64_t frames, double duration_s)
{
    hedon_free(index->times);
    index->times = times;
    index->frames = frames;
    index->duration_s = duration_s;
    index->ranked = 0;
}

void hedon_index_free(HedonIndex *index)
{
    hedon_free(index->packets);
    hedon_free(index->packet_of);
    hedon_free(index->times);
    *index = (HedonIndex){0};
}
