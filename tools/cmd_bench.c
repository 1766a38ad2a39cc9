/* hedon bench: how fast, on this machine. Each kind is a file of its own, bench_*.c. */
#include "tools/command.h"

extern const HedonCommand hedon_bench_decode, hedon_bench_infer;

static const HedonCommand *const kinds[] = {&hedon_bench_decode, &hedon_bench_infer, NULL};

const HedonCommand hedon_cmd_bench = {
    .name = "bench",
    .summary = "how fast decoding and inference are on this machine",
    .parameters = "decode|infer [OPTION...]",
    .examples = "  hedon bench decode video.mp4 --sample even --frames 16\n"
                "  hedon bench infer --model random:r2plus1d_18 --ops\n",
    .subcommands = kinds,
};
