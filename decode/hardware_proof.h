/* Whether a device decodes, found by having it decode. */
#ifndef HEDON_DECODE_HARDWARE_PROOF_H
#define HEDON_DECODE_HARDWARE_PROOF_H

#include "decode/video_hardware.h"
#include "hedon.h"

/** Decode a small picture on the device and look at its samples. HEDON_EDEVICE with what went
 *  wrong. */
int hedon_hardware_prove(HedonContext *ctx, const HedonHardware *hardware);

#endif
