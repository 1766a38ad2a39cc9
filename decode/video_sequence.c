#include "decode/video_sequence.h"

#include "base/error.h"

int hedon_sequence_open(HedonContext *ctx, HedonSequence *sequence, const HedonBytes *bytes,
                        const HedonBudget *budget, int64_t max_pixels)
{
    *sequence = (HedonSequence){.max_pixels = max_pixels};
    int code = hedon_demux_open(ctx, &sequence->demux, bytes, budget, max_pixels, 1);
    if (code < 0) return code;
    code = hedon_codec_open(ctx, &sequence->codec, sequence->demux.stream->codecpar,
                            sequence->demux.stream->time_base, max_pixels);
    if (code < 0) goto fail;
    sequence->packet = av_packet_alloc();
    sequence->picture = av_frame_alloc();
    if (!sequence->packet || !sequence->picture) {
        code = hedon_fail_memory(ctx);
        goto fail;
    }
    return 0;
fail:
    hedon_sequence_close(sequence);
    return code;
}

/* One packet, or the end, into the decoder. */
static int feed(HedonContext *ctx, HedonSequence *s)
{
    const HedonBudget *budget = s->demux.budget;
    int code = hedon_budget_check(ctx, budget);
    if (code < 0) return code;
    int ret = hedon_demux_read(&s->demux, s->packet);
    if (ret < 0) {
        if (ret == AVERROR_EXIT) return hedon_demux_fail(ctx, budget, ret, "reading stopped");
        if (ret == AVERROR(ENOMEM)) return hedon_fail_memory(ctx);
        s->errors += ret != AVERROR_EOF;
        s->packets_over = 1;
        avcodec_send_packet(s->codec, NULL);
        return 0;
    }
    if (!s->packet->size) { /* would be taken for the end */
        av_packet_unref(s->packet);
        return 0;
    }
    hedon_budget_advanced(budget);
    ret = avcodec_send_packet(s->codec, s->packet);
    av_packet_unref(s->packet);
    if (ret == AVERROR(ENOMEM)) return hedon_fail_memory(ctx);
    s->errors += ret < 0;
    return 0;
}

int hedon_sequence_next(HedonContext *ctx, HedonSequence *s)
{
    /* A decoder that is given nothing more answers AVERROR_EOF soon; one that keeps failing instead
     * is not asked for ever. */
    for (int failures = 0; failures < 64;) {
        const int ret = avcodec_receive_frame(s->codec, s->picture);
        if (ret >= 0) {
            s->errors += hedon_picture_is_damaged(s->picture);
            s->count++;
            return 0;
        }
        if (ret == AVERROR_EOF) return 1;
        if (ret == AVERROR(EAGAIN) && !s->packets_over) {
            const int code = feed(ctx, s);
            if (code < 0) return code;
            failures = 0;
            continue;
        }
        if (ret == AVERROR(ENOMEM)) return hedon_fail_memory(ctx);
        s->errors++;
        failures++;
    }
    return 1;
}

void hedon_sequence_close(HedonSequence *s)
{
    av_frame_free(&s->picture);
    av_packet_free(&s->packet);
    avcodec_free_context(&s->codec);
    hedon_demux_close(&s->demux);
}
