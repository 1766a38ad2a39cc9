/* A frame's samples and facts as an MD5 that does not depend on how the planes lie. */
#ifndef HEDON_TESTS_FRAME_DIGEST_H
#define HEDON_TESTS_FRAME_DIGEST_H

#include "base/frame.h"

#include <libavutil/md5.h>
#include <libavutil/mem.h>
#include <stdio.h>

/* Of everything that pre-processing looks at, however the planes lie. */
static void frame_digest(const HedonFrame *frame, char out[33])
{
    struct AVMD5 *md5 = av_md5_alloc();
    av_md5_init(md5);
    const int facts[] = {frame->width,      frame->height,
                         frame->bits,       (int)frame->matrix,
                         frame->full_range, hedon_frame_components(frame->layout)};
    av_md5_update(md5, (const uint8_t *)facts, sizeof facts);
    int across, down;
    hedon_frame_subsampling(frame->layout, &across, &down);
    for (int c = 0; c < hedon_frame_components(frame->layout); c++) {
        int64_t stride;
        int step;
        const uint8_t *first = hedon_frame_component(frame, c, &stride, &step);
        const int right = c ? across : 0, below = c ? down : 0;
        for (int64_t y = 0; y < (frame->height + below) >> below; y++)
            for (int64_t x = 0; x < (frame->width + right) >> right; x++) {
                const uint8_t *row = first + y * stride;
                const uint16_t sample =
                    frame->bits > 8 ? (uint16_t)(((const uint16_t *)row)[x * step] >> frame->shift)
                                    : row[x * step];
                av_md5_update(md5, (const uint8_t *)&sample, sizeof sample);
            }
    }
    uint8_t bytes[16];
    av_md5_final(md5, bytes);
    av_free(md5);
    for (int i = 0; i < 16; i++) sprintf(out + 2 * i, "%02x", bytes[i]);
}

#endif
