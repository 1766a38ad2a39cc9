/* Between conv.c and the kernels compiled for each instruction set: how a convolution is cut
 * into blocks, and where things lie in the packed weights and in the scratch memory.
 *
 * Blocking may depend on the batch and on the threads, because it never changes the order of any
 * sum (gemm_micro.h).
 */
#ifndef HEDON_KERNELS_CPU_CONV_PLAN_H
#define HEDON_KERNELS_CPU_CONV_PLAN_H

#include "kernels/cpu/conv.h"
#include "kernels/cpu/conv_backward_plan.h"

/* The weights as the packed layout sees them. Backward data packs the adjoint convolution: the
 * channels change places and the taps run backwards. */
typedef struct ConvPackSource {
    const float *weights;
    int64_t outputs, out_stride, in_stride; /* floats */
    int64_t first_tap, tap_step;
} ConvPackSource;

/* The kernels of one instruction set; the interface's run functions pick one of these. */
typedef struct CpuConvIsa {
    const char *name;
    void (*winograd_spatial)(const CpuConvShape *shape, const CpuConvCall *call);
    void (*winograd_temporal)(const CpuConvShape *shape, const CpuConvCall *call);
    void (*direct)(const CpuConvShape *shape, const CpuConvCall *call);
    void (*data_direct)(const CpuConvShape *shape, const CpuConvDataCall *call);
    void (*weights)(const CpuConvShape *shape, const CpuConvWeightsCall *call,
                    ConvWeightsForm form);
    void (*pack_spatial)(const CpuConvShape *shape, const ConvPackSource *source, float *packed,
                         int threads);
    void (*pack_temporal)(const CpuConvShape *shape, const ConvPackSource *source, float *packed,
                          int threads);
} CpuConvIsa;

extern const CpuConvIsa cpu_conv_isa_avx512, cpu_conv_isa_avx2, cpu_conv_isa_generic;

/* The widest instruction set that this processor has. */
const CpuConvIsa *cpu_conv_best_isa(void);
/* Whether sizes are consistent and far from overflow. */
int cpu_conv_shape_valid(const CpuConvShape *shape);

/* Columns that the widest kernel multiplies at once: two panels of 16 output channels. */
enum { CONV_MAX_COLUMNS = 2 * CPU_LANES };

/* Spatial Winograd. Packed: [oc/16][36][ic][16]. Scratch: zeros, then for each worker V
 * [36][block][pad(ic)] (or one V that all workers share) and M [6][block][columns], one column
 * of frequencies, followed by its half-way transform [4][6][block][columns]. Frequency (row,
 * column) is number column * 6 + row. */
typedef struct ConvSpatialPlan {
    int64_t tiles_h, tiles_w, tiles; /* in a frame across and down; in the whole batch */
    int64_t block;                   /* tiles transformed at once */
    int shared;                      /* the team transforms a block together, then splits oc */
    int64_t v_stride, m_stride;      /* floats from one frequency to the next */
    size_t zeros_bytes, v_bytes, m_bytes;
} ConvSpatialPlan;

void cpu_conv_spatial_plan(const CpuConvShape *shape, ConvSpatialPlan *plan);

/* Temporal Winograd. Packed: [oc/16][frequencies][ic][16]. Scratch as above, never shared. */
typedef struct ConvTemporalPlan {
    int pair;        /* two frames in, two out: 3 products (conv_winograd_temporal.inc) */
    int frequencies; /* 6, or 3 for a pair */
    int64_t time_blocks, positions, tiles; /* tiles = n * time_blocks * positions */
    int64_t block;
    int64_t v_stride, m_stride;
    size_t zeros_bytes, v_bytes, m_bytes;
} ConvTemporalPlan;

void cpu_conv_temporal_plan(const CpuConvShape *shape, int threads, ConvTemporalPlan *plan);

/* Direct. Packed: [oc/16][kt][kh][kw][ic][16]. Scratch: zeros, the input without its padding
 * channels and with its padding columns (when ic is small: a row of the kernel is then one
 * segment of kw * ic floats), and for each worker the row pointers and sums of a block. */
typedef struct ConvDirectPlan {
    int dense;
    int64_t dense_row;               /* floats of a row of the dense input */
    int64_t taps, depth;             /* segments of the sum and the floats of each */
    int64_t positions, block;        /* outputs of the batch; of a block */
    int64_t blocks, splits;          /* work items = blocks * splits of the output channels */
    int64_t chunk_taps, chunk_depth; /* multiplied at once: that part of a panel stays in L1 */
    size_t zeros_bytes, dense_bytes, rows_bytes, sums_bytes;
} ConvDirectPlan;

void cpu_conv_direct_plan(const CpuConvShape *shape, int threads, ConvDirectPlan *plan);

/* Weights (oc,ic,kt,kh,kw) to the packed layouts above; output channels are padded with zeros. */
void cpu_conv_pack_spatial(const CpuConvShape *shape, const float *weights, void *packed,
                           int threads);
void cpu_conv_pack_temporal(const CpuConvShape *shape, const float *weights, void *packed,
                            int threads);
void cpu_conv_pack_direct(const CpuConvShape *shape, const float *weights, void *packed,
                          int threads);

#endif
