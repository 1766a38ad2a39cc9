/* hedon bench: how fast, on this machine. Each kind is a file of its own, bench_*.c. */
#include "tools/command.h"

extern const HedonCommand hedon_bench_decode, hedon_bench_infer, hedon_bench_train;

static const HedonCommand *const kinds[] = {&hedon_bench_decode, &hedon_bench_infer, &hedon_bench_train,
                                           NULL};

const HedonCommand hedon_cmd_bench = {
    .name = "bench",
    .summary = "how fast decoding, inference and training are on this machine",
    .parameters = "decode|infer|train [OPTION...]",
    .examples = "  hedon bench decode video.mp4 --sample even --frames 16\n"
                "  hedon bench infer --model random:r2plus1d_18 --ops\n"
                "  hedon bench train --model r2plus1d_18 --batch 2\n",
    .subcommands = kinds,
};
