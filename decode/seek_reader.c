#include "decode/seek.h"

#include "base/error.h"

#include <string.h>

static int is_wanted(const HedonStretch *stretch, int64_t frame)
{
    size_t low = 0, high = stretch->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (stretch->frames[middle] < frame)
            low = middle + 1;
        else
            high = middle;
    }
    return low < stretch->count && stretch->frames[low] == frame;
}

int hedon_reader_can_continue(const HedonReader *reader, const HedonStretch *stretch)
{
    if (!reader->live || reader->next <= stretch->entry || reader->entry > stretch->entry) return 0;
    for (size_t i = 0; i < stretch->count; i++) {
        const int64_t frame = stretch->frames[i];
        if (reader->index->packet_of[frame] < reader->next &&
            (frame <= reader->shown || frame <= reader->passed))
            return 0;
    }
    return 1;
}

static void begin_at(HedonReader *reader, int64_t entry)
{
    avcodec_flush_buffers(reader->codec);
    reader->live = 1;
    reader->entry = reader->next = entry;
    reader->shown = reader->passed = -1;
    reader->pending_count = 0;
}

/* Pictures come out in presentation order, so those to come are kept in it. */
static int expect(HedonReader *reader, int64_t number)
{
    if (reader->pending_count == HEDON_READER_PENDING) return HEDON_READER_WRONG;
    const HedonIndexPacket *packets = reader->index->packets;
    int at = reader->pending_count++;
    for (; at > 0 && packets[reader->pending[at - 1]].pts > packets[number].pts; at--)
        reader->pending[at] = reader->pending[at - 1];
    reader->pending[at] = number;
    return 0;
}

/* What the decoder's error means. A device out of memory is no reason to give the video up. */
static int failure(HedonContext *ctx, const HedonReader *reader, int averror)
{
    return averror == AVERROR(ENOMEM) && !reader->hardware ? hedon_fail_memory(ctx)
                                                           : HEDON_READER_WRONG;
}

/* Give the decoder the next packet, or leave it out. */
static int feed(HedonContext *ctx, HedonReader *reader, const HedonStretch *stretch)
{
    const int64_t number = reader->next;
    const HedonIndexPacket *entry = &reader->index->packets[number];
    AVPacket *packet = reader->packet;
    int code = hedon_packets_get(ctx, &reader->packets, number, packet);
    if (code < 0) return code == HEDON_EDATA ? HEDON_READER_WRONG : code;
    reader->next++;
    hedon_budget_advanced(&reader->budget);
    /* Pictures decoded after an entry and shown before it may need what lies before: not reached.
     */
    const int leads = reader->entry > 0 && entry->entry == reader->entry &&
                      number > reader->entry &&
                      entry->pts < reader->index->packets[reader->entry].pts;
    const int peeked = hedon_peek(&reader->peek, packet->data, packet->size);
    const int unneeded = (peeked & HEDON_PEEK_UNNEEDED) && !is_wanted(stretch, entry->frame);
    if (leads || unneeded || !packet->size) {
        if (entry->frame > reader->passed) reader->passed = entry->frame;
        av_packet_unref(packet);
        return 0;
    }
    /* The stamp comes back with the picture, and says whose it is. */
    packet->pts = packet->dts = number;
    packet->flags &= ~AV_PKT_FLAG_DISCARD;
    const int ret = avcodec_send_packet(reader->codec, packet);
    av_packet_unref(packet);
    if (ret < 0) return failure(ctx, reader, ret);
    return peeked & HEDON_PEEK_HIDDEN ? 0 : expect(reader, number);
}

/* Checks a picture against the forecast. */
static int frame_shown(HedonReader *reader)
{
    if (!reader->pending_count || reader->picture->pts != reader->pending[0] ||
        hedon_picture_is_damaged(reader->picture))
        return HEDON_READER_WRONG;
    const int64_t frame = reader->index->packets[reader->pending[0]].frame;
    reader->pending_count--;
    memmove(reader->pending, reader->pending + 1,
            (size_t)reader->pending_count * sizeof *reader->pending);
    if (frame >= 0) reader->shown = frame;
    return 0;
}

static int deliver(HedonContext *ctx, HedonReader *reader, int64_t index,
                   int (*sink)(void *, const HedonFrame *), void *opaque)
{
    HedonFrame frame;
    const AVFrame *picture = reader->picture;
    if (reader->hardware && reader->hardware->holds(reader->hardware, picture)) {
        if (hedon_hardware_fetch(reader->hardware, reader->codec, picture, &reader->shape,
                                 reader->fetched))
            return HEDON_READER_WRONG;
        picture = reader->fetched;
    }
    const int code = hedon_planes_of(ctx, &reader->planes, picture, &frame);
    if (code < 0) return code;
    frame.index = index;
    frame.time_s = reader->index->times[index];
    /* decoded in host memory too: a device's decoder does that with streams that the driver refuses
     */
    reader->delivered += reader->hardware != NULL;
    return sink(opaque, &frame) ? HEDON_READER_STOPPED : 0;
}

static int run(HedonContext *ctx, HedonReader *reader, const HedonStretch *stretch, int stay,
               int (*sink)(void *, const HedonFrame *), void *opaque)
{
    int draining = 0;
    for (size_t at = 0; at < stretch->count;) {
        int code = 0;
        const int ret = avcodec_receive_frame(reader->codec, reader->picture);
        if (ret >= 0) {
            code = frame_shown(reader);
            if (!code && reader->shown == stretch->frames[at])
                code = deliver(ctx, reader, stretch->frames[at++], sink, opaque);
            else if (!code && reader->shown > stretch->frames[at])
                code = HEDON_READER_WRONG;
        } else if (ret != AVERROR(EAGAIN) || draining) {
            code = failure(ctx, reader, ret);
        } else if ((code = hedon_budget_check(ctx, &reader->budget)) < 0) {
            return code;
        } else if (reader->next >= reader->index->count ||
                   (!stay && reader->next > stretch->reach)) {
            draining = 1;
            reader->live = 0;
            avcodec_send_packet(reader->codec, NULL);
        } else {
            code = feed(ctx, reader, stretch);
        }
        if (code) return code;
    }
    return 0;
}

int hedon_reader_run(HedonContext *ctx, HedonReader *reader, const HedonStretch *stretch, int stay,
                     int (*sink)(void *, const HedonFrame *), void *opaque)
{
    if (!hedon_reader_can_continue(reader, stretch)) begin_at(reader, stretch->entry);
    const int code = run(ctx, reader, stretch, stay, sink, opaque);
    if (code) reader->live = 0;
    return code;
}

void hedon_reader_free(HedonReader *reader)
{
    hedon_planes_free(&reader->planes);
    hedon_packets_free(&reader->packets);
    av_frame_free(&reader->fetched);
    av_frame_free(&reader->picture);
    av_packet_free(&reader->packet);
    avcodec_free_context(&reader->codec);
}
