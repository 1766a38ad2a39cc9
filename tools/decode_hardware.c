/* Starting a GPU where hostile files are read. Everything that the driver loads and opens comes
 * before the sandbox; what it can't do inside shows in a second proof there, not in a video. */
#include "tools/decode_hardware.h"

#include <stdio.h>

#include "base/error.h"
#include "decode/hardware_proof.h"
#include "decode/sandbox.h"

int hedon_decode_hardware_prepare(HedonContext *ctx)
{
    const int code = hedon_nvdec_load(ctx);
    if (code) return code;
    if (!hedon_sandbox_files()) return 0;
    return hedon_fail(
        ctx, HEDON_EDEVICE,
        "the files that its driver opens can't be confined: that takes Landlock (Linux 5.13 "
        "or later, not switched off), and a process without threads");
}

int hedon_decode_hardware_enter(HedonContext *ctx, HedonHardware **out, int gpu, int prepared,
                                int64_t max_memory)
{
    HedonHardware *hardware = NULL;
    *out = NULL;
    int code = prepared ? prepared : hedon_nvdec_open(ctx, &hardware, gpu);
    if (!code) code = hedon_hardware_prove(ctx, hardware);
    if (code) {
        /* here and not later: its threads talk to its devices when it ends, which the CPU's sandbox
         * forbids */
        hedon_nvdec_close(hardware);
        hardware = NULL;
    }
    /* a driver that was started in vain has taken its addresses all the same */
    hedon_sandbox_limits(prepared ? HEDON_SANDBOX_CPU : HEDON_SANDBOX_GPU, max_memory);
    hedon_sandbox_enter(code ? HEDON_SANDBOX_CPU : HEDON_SANDBOX_GPU);
    if (!code && (code = hedon_hardware_prove(ctx, hardware))) {
        char wrong[512];
        snprintf(wrong, sizeof(wrong), "%s", hedon_last_error(ctx));
        hedon_fail(ctx, code, "%s (in the decoder's sandbox)", wrong);
    }
    if (code)
        hedon_nvdec_close(hardware);
    else
        *out = hardware;
    return code;
}
