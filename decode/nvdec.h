/* NVDEC, the video decoder of NVIDIA's GPUs, as a HedonHardware: libavcodec drives it and loads the
 * driver itself; nothing is linked. */
#ifndef HEDON_DECODE_NVDEC_H
#define HEDON_DECODE_NVDEC_H

#include "decode/video_hardware.h"
#include "hedon.h"

/** Load the driver's libraries, and start nothing. HEDON_EDEVICE: there is no driver, or it has no
 *  NVDEC; the sentence says which. */
int hedon_nvdec_load(HedonContext *ctx);
/**
 * Open a GPU: a context on it, and threads of the driver's in this process.
 *
 * @param gpu  its number among those that the driver shows (CUDA_VISIBLE_DEVICES)
 * @return 0; HEDON_EDEVICE with the reason, HEDON_ENOMEM
 */
int hedon_nvdec_open(HedonContext *ctx, HedonHardware **out, int gpu);
void hedon_nvdec_close(HedonHardware *hardware);

#endif
