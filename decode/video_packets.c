#include "decode/video_packets.h"

#include "base/error.h"
#include "base/memory.h"

#include <string.h>

enum {
    READ_ON = 1 << 20, /* bytes to a packet ahead that are read over rather than sought past */
    TRIES = 3,         /* landing behind the packet, seek for entries before it */
};

void hedon_packets_init(HedonPackets *packets, const HedonIndex *index, const HedonBytes *bytes,
                        const HedonBudget *budget, int64_t max_pixels, HedonDemux *demux)
{
    *packets = (HedonPackets){.index = index,
                              .bytes = bytes,
                              .budget = budget,
                              .max_pixels = max_pixels,
                              .demux = demux,
                              .next = -1};
    if (demux) demux->budget = budget;
}

static int changed(HedonContext *ctx)
{
    return hedon_fail(ctx, HEDON_EDATA, "changed while it was read");
}

static int get_direct(HedonContext *ctx, HedonPackets *packets, const HedonIndexPacket *entry,
                      AVPacket *packet)
{
    if (av_new_packet(packet, entry->size) < 0) return hedon_fail_memory(ctx);
    const int64_t n = hedon_bytes_read(packets->bytes, packet->data, entry->size, entry->position);
    if (n == entry->size) return 0;
    av_packet_unref(packet);
    return n < 0 ? hedon_fail_errno(ctx, "reading failed") : changed(ctx);
}

static int reopen(HedonContext *ctx, HedonPackets *packets)
{
    if (!packets->demux) {
        packets->demux = hedon_calloc(1, sizeof *packets->demux);
        if (!packets->demux) return hedon_fail_memory(ctx);
    }
    hedon_demux_close(packets->demux);
    packets->next = 0;
    return hedon_demux_open(ctx, packets->demux, packets->bytes, packets->budget,
                            packets->max_pixels, 0);
}

/* The number of a packet that a demuxer gave after a seek, or -1. */
static int64_t number_of(const HedonIndex *index, const AVPacket *packet)
{
    int64_t low = 0, high = index->count;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (index->packets[middle].position < packet->pos)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < index->count && index->packets[low].position == packet->pos; low++)
        if (index->packets[low].pts == packet->pts && index->packets[low].size == packet->size)
            return low;
    return -1;
}

/* MPEG-TS has no index: its own packets' positions serve. */
static int jump(HedonPackets *packets, int64_t entry)
{
    AVFormatContext *format = packets->demux->format;
    const HedonIndexPacket *to = &packets->index->packets[entry];
    if (!strcmp(format->iformat->name, "mpegts"))
        return av_seek_frame(format, -1, to->position, AVSEEK_FLAG_BYTE);
    return av_seek_frame(format, packets->demux->stream->index, to->pts, AVSEEK_FLAG_BACKWARD);
}

/* Seek so that packet `number` is this one or lies ahead. Where a container lands nobody knows, so
 * the first packet is looked up. 0: packet is number packets->next - 1; 1: seeking does not work.
 */
static int seek_before(HedonPackets *packets, int64_t number, AVPacket *packet)
{
    const HedonIndex *index = packets->index;
    int64_t entry = index->packets[number].entry;
    for (int attempt = 0; attempt < TRIES; attempt++) {
        if (jump(packets, entry) < 0 || hedon_demux_read(packets->demux, packet) < 0) return 1;
        const int64_t landed = number_of(index, packet);
        if (landed >= 0 && landed <= number) {
            packets->next = landed + 1;
            return 0;
        }
        av_packet_unref(packet);
        if (entry == 0) return 1;
        entry = index->packets[entry - 1].entry;
    }
    return 1;
}

static int get_demuxed(HedonContext *ctx, HedonPackets *packets, int64_t number, AVPacket *packet)
{
    const HedonIndexPacket *all = packets->index->packets;
    int code, have = 0;
    if (!packets->demux && (code = reopen(ctx, packets)) < 0) return code;
    const int near = packets->next >= 0 && packets->next <= number &&
                     all[number].position - all[packets->next].position < READ_ON;
    if (!near && !packets->cannot_seek) {
        have = seek_before(packets, number, packet) == 0;
        if (!have) {
            packets->cannot_seek = 1;
            packets->next = -1;
        }
    }
    if (!have && (packets->next < 0 || packets->next > number) && (code = reopen(ctx, packets)) < 0)
        return code;
    while (!have || packets->next <= number) {
        if (have) av_packet_unref(packet);
        const int ret = hedon_demux_read(packets->demux, packet);
        if (ret < 0) {
            packets->next = -1;
            return hedon_demux_fail(ctx, packets->budget, ret, "changed while it was read");
        }
        have = 1;
        packets->next++;
    }
    if (packet->size == all[number].size && packet->pos == all[number].position) return 0;
    av_packet_unref(packet);
    packets->next = -1;
    return changed(ctx);
}

int hedon_packets_get(HedonContext *ctx, HedonPackets *packets, int64_t number, AVPacket *packet)
{
    if (packets->index->direct)
        return get_direct(ctx, packets, &packets->index->packets[number], packet);
    return get_demuxed(ctx, packets, number, packet);
}

void hedon_packets_free(HedonPackets *packets)
{
    if (packets->demux) {
        hedon_demux_close(packets->demux);
        hedon_free(packets->demux);
    }
    *packets = (HedonPackets){0};
}
