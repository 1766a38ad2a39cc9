/* Between conv_backward.c and the backward kernels compiled for each instruction set: how the work
 * is cut, and where things lie in packed weights and scratch.
 *
 * Backward data of stride 1 is a forward convolution of dy: the adjoint shape and weights turned
 * round. Only the strided case has a kernel of its own.
 */
#ifndef HEDON_KERNELS_CPU_CONV_BACKWARD_PLAN_H
#define HEDON_KERNELS_CPU_CONV_BACKWARD_PLAN_H

#include "kernels/cpu/conv_backward.h"

struct CpuConvIsa;

/* ---- Backward data ------------------------------------------------------------------------- */

/* The forward convolution that takes dy to dx; strides of 1 only. */
CpuConvShape cpu_conv_adjoint(const CpuConvShape *shape);

/* One axis of dx at one phase of the stride: the inputs first, first + stride, ... and the kernel
 * taps first_tap, first_tap + stride, ... that reach them: input first + j stride takes tap
 * first_tap + m stride from output first_output + j - m. */
typedef struct ConvPhase {
    int64_t first, count, first_tap, taps, first_output;
} ConvPhase;

typedef struct ConvPhases {
    ConvPhase t, h, w;
} ConvPhases;

/* phase: (t * sh + h) * sw + w. */
ConvPhases cpu_conv_phases(const CpuConvShape *shape, int64_t phase);

/* Direct. A phase of all three axes is a dense convolution of its own, computed like the forward
 * direct kernel. Packed: [phase][ic/16][taps of the phase][oc][16]; phases in order t, h, w.
 * Scratch: zeros, then for each worker the row pointers and sums of a block. */
enum { CONV_DATA_COLUMNS = 2 * CPU_LANES };

typedef struct ConvDataPlan {
    int64_t phases;
    int64_t block; /* positions of dx computed at once */
    int64_t max_taps;
    int64_t chunk_depth, chunk_taps; /* multiplied at once: that part of a panel stays in L1 */
    size_t zeros_bytes, rows_bytes, sums_bytes;
} ConvDataPlan;

void cpu_conv_data_plan(const CpuConvShape *shape, ConvDataPlan *plan);

void cpu_conv_pack_data_spatial(const CpuConvShape *shape, const float *weights, void *packed,
                                int threads);
void cpu_conv_pack_data_temporal(const CpuConvShape *shape, const float *weights, void *packed,
                                 int threads);
void cpu_conv_pack_data_direct(const CpuConvShape *shape, const float *weights, void *packed,
                               int threads);

/* What the kernels of one instruction set compute; for tests, which try them all. */
void cpu_conv_data_spatial_on(const struct CpuConvIsa *isa, const CpuConvShape *shape,
                              const CpuConvDataCall *call);
void cpu_conv_data_temporal_on(const struct CpuConvIsa *isa, const CpuConvShape *shape,
                               const CpuConvDataCall *call);

/* ---- Backward weights ---------------------------------------------------------------------- */

/* All forms are the same batched product, M[f](oc,ic) = sum over tiles of D[f](tile,oc)^T
 * V[f](tile,ic), and differ in what a tile is and in how V, D and dw come from x, dy and M:
 *   spatial   4x4 outputs, Winograd F(3x3,4x4), 36 frequencies
 *   temporal  4 frames of a position, F(3,4), 6 frequencies
 *   pair      2 frames of a clip of 2: 3 products
 *   taps      one output; a frequency is a tap of the kernel, D is the same for all
 *   dense     one output; the taps and the few input channels lie side by side in the lanes of V */
typedef enum ConvWeightsForm {
    CONV_WEIGHTS_SPATIAL,
    CONV_WEIGHTS_TEMPORAL,
    CONV_WEIGHTS_PAIR,
    CONV_WEIGHTS_TAPS,
    CONV_WEIGHTS_DENSE,
    CONV_WEIGHTS_FORMS
} ConvWeightsForm;

/* A work item: as many output channels, in panels of 16, and lanes of V at most. */
enum { CONV_WEIGHTS_ROWS = 48, CONV_WEIGHTS_COLUMNS = 2 * CPU_LANES };

/* Taps times input channels that the dense form takes at most. */
enum { CONV_WEIGHTS_DENSE_LANES = 1024 };

/* Scratch: zeros; for dense, x without padding channels and with padding columns; V
 * [f][lanes/16][block][16] and D [f or 1][oc/16][block][16] of a block of tiles, the panels
 * panel_floats apart, for each worker when there are parts; M
 * [item][f][CONV_WEIGHTS_ROWS][CONV_WEIGHTS_COLUMNS] for each part, or one item for each worker
 * when fused (conv_weights.inc). */
typedef struct ConvWeightsPlan {
    ConvWeightsForm form;
    int64_t frequencies, d_frequencies;
    int64_t lanes;                 /* of V, a multiple of 16 */
    int64_t rows_h, rows_w;        /* tiles down and across a frame; temporal: time blocks, positions */
    int64_t tiles, block, blocks;  /* of the whole batch */
    int64_t panel_floats;          /* from one panel of V or D to the next */
    int64_t v_stride, d_stride;    /* floats from one frequency to the next */
    int64_t items, row_items;      /* row_items of them share the same lanes */
    int fused;                     /* all tiles are one block */
    int64_t parts;                 /* of the tiles, each with an M of its own; or 0 */
    int64_t dense_row;             /* floats of a row of the dense x */
    size_t zeros_bytes, dense_bytes, v_bytes, d_bytes, item_bytes;
} ConvWeightsPlan;

/* The form that a kernel takes for a shape. */
ConvWeightsForm cpu_conv_weights_form(const CpuConvWeightsKernel *kernel,
                                      const CpuConvShape *shape);
void cpu_conv_weights_plan(const CpuConvShape *shape, ConvWeightsForm form, ConvWeightsPlan *plan);

#endif
