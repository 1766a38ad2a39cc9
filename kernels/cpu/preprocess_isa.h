/* The inner loops of pre-processing, once for each instruction set. */
#ifndef HEDON_KERNELS_CPU_PREPROCESS_ISA_H
#define HEDON_KERNELS_CPU_PREPROCESS_ISA_H

#include <stdint.h>

/* From three planes' samples to normalised RGB:
 * out[c] = clamp(matrix[c] . (sample 0, sample 1, sample 2, 1)) * scale[c] + bias[c] */
typedef struct CpuColour {
    float matrix[3][4], scale[3], bias[3];
} CpuColour;

/* What the caller pads its tables and rows to. */
enum {
    CPU_FILTER_WIDTH = 8,   /* filter widths are 4 or a multiple of this */
    CPU_FILTER_OUTPUTS = 4, /* so many outputs at once: tables and row are a multiple of it long */
    CPU_COLOUR_PADDING = 8  /* readable floats after the n of each row given to colour */
};

typedef struct CpuPreprocessIsa {
    /** to[i] = sum over k < count of weight[k] * row k's sample i, for i < n. Samples are uint8_t
     * in blend[0], uint16_t in blend[1]; rows are stride bytes apart; nothing else is read. */
    void (*blend[2])(float *to, const void *from, int64_t stride, const float *weight,
                     int32_t count, int64_t n);
    /** to[i] = sum over k < width of weight[i * width + k] * from[first[i] + k]. */
    void (*filter)(float *to, const float *from, const int32_t *first, const float *weight,
                   int32_t width, int32_t outputs);
    /** One row of n pixels; channel c goes to out + c * channel_stride. */
    void (*colour)(float *out, int64_t channel_stride, const float *const row[3],
                   const CpuColour *colour, int64_t n);
} CpuPreprocessIsa;

extern const CpuPreprocessIsa cpu_preprocess_isa_generic, cpu_preprocess_isa_avx2;

#endif
