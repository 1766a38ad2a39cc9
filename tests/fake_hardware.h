/* A GPU that is none: libavcodec decodes on the CPU, and the pictures are handed out as a GPU's
 * would be, as NV12 or P010, with whatever fault a test wants. */
#ifndef HEDON_TESTS_FAKE_HARDWARE_H
#define HEDON_TESTS_FAKE_HARDWARE_H

#include "decode/video_hardware.h"

#include <stdatomic.h>

typedef struct FakeHardware {
    HedonHardware hardware;
    int has_no_decoder, attaches_not;
    int refuses; /* decodes in host memory: what drivers do with profiles that they lack */
    int sound;   /* pictures that can be had, after which none can; -1: all */
    int wrong;   /* the first sample of pictures is off by one */
    atomic_int contexts, fetched;
} FakeHardware;

static const AVCodec *fake_decoder(const HedonHardware *hardware, enum AVCodecID codec)
{
    const FakeHardware *fake = (const FakeHardware *)hardware;
    return fake->has_no_decoder ? NULL : avcodec_find_decoder(codec);
}

static int fake_attach(const HedonHardware *hardware, AVCodecContext *codec)
{
    FakeHardware *fake = (FakeHardware *)hardware;
    atomic_fetch_add(&fake->contexts, 1);
    return fake->attaches_not || codec->extra_hw_frames < 1 ? AVERROR(ENOSYS) : 0;
}

static int fake_holds(const HedonHardware *hardware, const AVFrame *picture)
{
    (void)picture;
    return !((const FakeHardware *)hardware)->refuses;
}

/* U and V in turns; 10 bits moved to the top of 16. */
static void fake_interleave(AVFrame *to, const AVFrame *from, int bytes)
{
    for (int y = 0; y < from->height; y++)
        for (int x = 0; x < from->width; x++) {
            const uint8_t *sample = from->data[0] + y * from->linesize[0] + x * bytes;
            uint8_t *out = to->data[0] + y * to->linesize[0] + x * bytes;
            if (bytes == 1)
                *out = *sample;
            else
                *(uint16_t *)out = (uint16_t)(*(const uint16_t *)sample << 6);
        }
    for (int y = 0; y < (from->height + 1) / 2; y++)
        for (int x = 0; x < (from->width + 1) / 2 * 2; x++) {
            const int plane = 1 + x % 2;
            const uint8_t *sample = from->data[plane] + y * from->linesize[plane] + x / 2 * bytes;
            uint8_t *out = to->data[1] + y * to->linesize[1] + x * bytes;
            if (bytes == 1)
                *out = *sample;
            else
                *(uint16_t *)out = (uint16_t)(*(const uint16_t *)sample << 6);
        }
}

static int fake_fetch(const HedonHardware *hardware, AVFrame *to, const AVFrame *picture)
{
    FakeHardware *fake = (FakeHardware *)hardware;
    const int nth = atomic_fetch_add(&fake->fetched, 1);
    if (fake->sound >= 0 && nth >= fake->sound) return AVERROR_EXTERNAL;
    const int deep = picture->format == AV_PIX_FMT_YUV420P10;
    if (!to->buf[0]) {
        to->format = deep ? AV_PIX_FMT_P010 : AV_PIX_FMT_NV12;
        to->width = picture->width;
        to->height = picture->height;
        if (av_frame_get_buffer(to, 0) < 0) return AVERROR(ENOMEM);
    }
    fake_interleave(to, picture, deep ? 2 : 1);
    if (fake->wrong) to->data[0][0] ^= 1;
    return 0;
}

static FakeHardware fake_hardware(void)
{
    return (FakeHardware){.hardware = {fake_decoder, fake_attach, fake_holds, fake_fetch},
                          .sound = -1};
}

#endif
