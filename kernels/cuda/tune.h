/* Which of cuDNN's engines computes a convolution: timed once for each device, shape and precision,
 * and then kept, in memory and in a file, so that a later run takes the same.
 *
 * The file is hedon/cuda-engines.txt under XDG_CACHE_HOME (or ~/.cache): a line a choice, the
 * device and cuDNN's version first. HEDON_CUDA_ENGINES names another file, or none when empty.
 * HEDON_CUDA_TUNE is how many engines are timed, in cuDNN's own order (default 5; 1: the first that
 * works, untimed).
 */
#ifndef HEDON_KERNELS_CUDA_TUNE_H
#define HEDON_KERNELS_CUDA_TUNE_H

#include "kernels/cuda/cuda.h"
#include "kernels/cuda/dnn.h"

/* A convolution ready to run. */
typedef struct CudaAlgorithm {
    struct CudaAlgorithm *next;
    char key[320];
    DnnGraph graph;
    DnnPlan plan;
    int64_t engine; /* -1: cuDNN has none, says `reason` */
    char reason[256];
} CudaAlgorithm;

/** Owned by the device. HEDON_EUNSUPPORTED with cuDNN's reason when no engine can do it. */
int cuda_algorithm(HedonContext *ctx, CudaDevice *device, const CudaConv *conv,
                   const CudaAlgorithm **out);

int cuda_tuning_open(HedonContext *ctx, CudaDevice *device);
void cuda_tuning_close(CudaDevice *device);

#endif
