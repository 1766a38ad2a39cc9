#include "decode/nvdec.h"

#include "base/error.h"
#include "base/memory.h"

#include <dlfcn.h>
#include <libavutil/hwcontext.h>
#include <libavutil/pixdesc.h>
#include <stdio.h>

typedef struct Nvdec {
    HedonHardware hardware;
    AVBufferRef *device;
} Nvdec;

static int has_device(const AVCodec *codec)
{
    const AVCodecHWConfig *config;
    for (int i = 0; (config = avcodec_get_hw_config(codec, i)); i++)
        if (config->pix_fmt == AV_PIX_FMT_CUDA &&
            config->methods & AV_CODEC_HW_CONFIG_METHOD_HW_DEVICE_CTX &&
            !(codec->capabilities & AV_CODEC_CAP_HARDWARE)) /* NVIDIA's own parser: other frames */
            return 1;
    return 0;
}

/* Not the codec's first decoder, which may be a library that knows no devices (libdav1d). */
static const AVCodec *find_decoder(const HedonHardware *hardware, enum AVCodecID id)
{
    (void)hardware;
    void *at = NULL;
    const AVCodec *codec;
    while ((codec = av_codec_iterate(&at)))
        if (codec->id == id && av_codec_is_decoder(codec) && has_device(codec)) return codec;
    return NULL;
}

/* Called at a stream's start and again whenever its size, profile or format changes; once more
 * without the device when the driver turned the stream down. */
static enum AVPixelFormat choose_format(AVCodecContext *codec, const enum AVPixelFormat *offered)
{
    enum AVPixelFormat plain = AV_PIX_FMT_NONE;
    int device = 0;
    (void)codec;
    for (; *offered != AV_PIX_FMT_NONE; offered++) {
        device |= *offered == AV_PIX_FMT_CUDA;
        const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(*offered);
        if (d && !(d->flags & AV_PIX_FMT_FLAG_HWACCEL)) plain = *offered;
    }
    return device && hedon_hardware_takes_format(plain) ? AV_PIX_FMT_CUDA : plain;
}

static int attach(const HedonHardware *hardware, AVCodecContext *codec)
{
    const Nvdec *nvdec = (const Nvdec *)hardware;
    codec->hw_device_ctx = av_buffer_ref(nvdec->device);
    codec->get_format = choose_format;
    return codec->hw_device_ctx ? 0 : AVERROR(ENOMEM);
}

static int holds(const HedonHardware *hardware, const AVFrame *picture)
{
    (void)hardware;
    return picture->format == AV_PIX_FMT_CUDA;
}

/* av_hwframe_transfer_data would allocate anew for each picture, and fills what is there. */
static int fetch(const HedonHardware *hardware, AVFrame *to, const AVFrame *picture)
{
    (void)hardware;
    if (!picture->hw_frames_ctx) return AVERROR(EINVAL);
    const AVHWFramesContext *frames = (const AVHWFramesContext *)picture->hw_frames_ctx->data;
    if (!to->buf[0] || to->format != frames->sw_format) {
        av_frame_unref(to);
        to->format = frames->sw_format;
        to->width = picture->width;
        to->height = picture->height;
        const int ret = av_frame_get_buffer(to, 0);
        if (ret < 0) return ret;
    }
    return av_hwframe_transfer_data(to, picture, 0);
}

/* Stays loaded: libavcodec asks for it again by the same name, perhaps when no file may be opened
 * any more. */
static int load(HedonContext *ctx, const char *library, const char *what)
{
    if (dlopen(library, RTLD_LAZY | RTLD_LOCAL)) return 0;
    return hedon_fail(ctx, HEDON_EDEVICE, "%s: %s", what, dlerror());
}

int hedon_nvdec_load(HedonContext *ctx)
{
    const int code = load(ctx, "libcuda.so.1", "no CUDA driver on this machine");
    return code ? code : load(ctx, "libnvcuvid.so.1", "the NVIDIA driver here lacks NVDEC");
}

int hedon_nvdec_open(HedonContext *ctx, HedonHardware **out, int gpu)
{
    char number[16], reason[AV_ERROR_MAX_STRING_SIZE];
    *out = NULL;
    Nvdec *nvdec = hedon_calloc(1, sizeof(*nvdec));
    if (!nvdec) return hedon_fail_memory(ctx);
    nvdec->hardware = (HedonHardware){find_decoder, attach, holds, fetch};
    snprintf(number, sizeof(number), "%d", gpu);
    const int ret = av_hwdevice_ctx_create(&nvdec->device, AV_HWDEVICE_TYPE_CUDA, number, NULL, 0);
    if (ret >= 0) {
        *out = &nvdec->hardware;
        return 0;
    }
    hedon_free(nvdec);
    if (ret == AVERROR(ENOMEM)) return hedon_fail_memory(ctx);
    av_strerror(ret, reason, sizeof(reason));
    return hedon_fail(ctx, HEDON_EDEVICE, "the CUDA driver does not open GPU %d: %s", gpu, reason);
}

void hedon_nvdec_close(HedonHardware *hardware)
{
    if (!hardware) return;
    Nvdec *nvdec = (Nvdec *)hardware;
    av_buffer_unref(&nvdec->device);
    hedon_free(nvdec);
}
