/* The GPU of a decode worker, and the sandbox that it has to work in. */
#ifndef HEDON_TOOLS_DECODE_HARDWARE_H
#define HEDON_TOOLS_DECODE_HARDWARE_H

#include "decode/nvdec.h"

/**
 * First step, before this process has other threads: load the driver's libraries, then confine
 * which files may be opened.
 *
 * @return 0, or HEDON_EDEVICE: the CPU has to decode
 */
int hedon_decode_hardware_prepare(HedonContext *ctx);
/**
 * Second step: open the GPU and close the sandbox, after which it must still decode.
 *
 * @param prepared    what the first step returned: unless 0 the CPU's sandbox is closed and nothing
 *                    else done
 * @param max_memory  as hedon_sandbox_limits
 * @return 0; HEDON_EDEVICE or HEDON_ENOMEM, *out NULL: the CPU has to decode. The sandbox is closed
 *         in any case: the GPU's only where the GPU decoded before
 */
int hedon_decode_hardware_enter(HedonContext *ctx, HedonHardware **out, int gpu, int prepared,
                                int64_t max_memory);

#endif
