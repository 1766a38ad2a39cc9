/* In onednn.c's place where oneDNN is not built in. */
#include "kernels/cpu/onednn.h"

const char *cpu_onednn_version(void)
{
    return "built without oneDNN";
}

int cpu_onednn_conv_new(HedonContext *ctx, CpuOnednnConv **out, const CpuOnednnConvSpec *spec)
{
    (void)ctx, (void)spec;
    *out = NULL;
    return HEDON_EUNSUPPORTED;
}

void cpu_onednn_conv_free(CpuOnednnConv *conv)
{
    (void)conv;
}

const char *cpu_onednn_conv_name(const CpuOnednnConv *conv)
{
    (void)conv;
    return "";
}

size_t cpu_onednn_conv_scratch_bytes(const CpuOnednnConv *conv)
{
    (void)conv;
    return 0;
}

size_t cpu_onednn_conv_weight_bytes(const CpuOnednnConv *conv)
{
    (void)conv;
    return 0;
}

void cpu_onednn_conv_run(const CpuOnednnConv *conv, const CpuArguments *arguments, int64_t n)
{
    (void)conv, (void)arguments, (void)n;
}
