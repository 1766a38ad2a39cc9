/* hedon bench: how fast, on this machine. Each kind is a file of its own, bench_*.c. */
#include "tools/command.h"

extern const HedonCommand hedon_bench_decode, hedon_bench_infer, hedon_bench_train,
    hedon_bench_pipeline;

static const HedonCommand *const kinds[] = {&hedon_bench_decode, &hedon_bench_infer, &hedon_bench_train,
                                           &hedon_bench_pipeline, NULL};

const HedonCommand hedon_cmd_bench = {
    .name = "bench",
    .summary = "how fast decoding, inference, training and scoring folders are on this machine",
    .parameters = "decode|infer|train|pipeline [OPTION...]",
    .examples = "  hedon bench decode video.mp4 --sample even --frames 16\n"
                "  hedon bench infer --model random:r2plus1d_18 --ops\n"
                "  hedon bench train --model r2plus1d_18 --batch 2\n"
                "  hedon bench pipeline --model random:r2plus1d_18\n",
    .subcommands = kinds,
};
