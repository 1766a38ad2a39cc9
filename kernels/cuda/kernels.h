/* The kernels, as C calls them. All put work into `stream` and return CUDA's verdict on the launch.
 */
#ifndef HEDON_KERNELS_CUDA_KERNELS_H
#define HEDON_KERNELS_CUDA_KERNELS_H

#include <cuda_runtime_api.h>

#include "kernels/cuda/element.h"
#include "kernels/cuda/pixel.h"
#include "kernels/cuda/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- chain.cu: element-wise operations, one after another, in one pass --------------------------
 */

typedef enum CudaChainKind {
    CUDA_CHAIN_ADD,   /* + tensor */
    CUDA_CHAIN_SCALE, /* x factor */
    CUDA_CHAIN_NORM,  /* batch norm by mean, variance, gamma, beta; once a chain at most */
    CUDA_CHAIN_BIAS,  /* + beta[channel]; not together with a norm */
    CUDA_CHAIN_RELU,
    CUDA_CHAIN_MASK,      /* 0 where tensor <= 0 */
    CUDA_CHAIN_DROPOUT,   /* by number of the element in the logical order */
    CUDA_CHAIN_DROP_PATH, /* by sample */
} CudaChainKind;

enum { CUDA_CHAIN_OPS = 6 };

typedef struct CudaChainOp {
    CudaChainKind kind;
    const void *tensor; /* a matrix like the input */
    float factor;
    double rate;
    uint64_t number;
} CudaChainOp;

typedef struct CudaChain {
    int count;
    CudaChainOp op[CUDA_CHAIN_OPS];
    const float *mean, *variance, *gamma, *beta; /* by channel */
    float epsilon;
    const uint64_t *key;    /* of the execution, in device memory, as are the next ones */
    const int64_t *samples; /* each sample's number for what is dropped */
} CudaChain;

/** y = chain(x), both of the matrix's form; y may be x or any of the chain's tensors. */
cudaError_t cuda_chain(const CudaMatrix *form, const void *x, void *y, const CudaChain *chain,
                       cudaStream_t stream);

/* ---- norm.cu ------------------------------------------------------------------------------------
 */

/* Where a relu stands behind the batch norm: how its mask is found. */
typedef enum CudaNormMask { CUDA_MASK_NONE, CUDA_MASK_BY_Y, CUDA_MASK_BY_SELF } CudaNormMask;

/* Batch norm and its gradient are two calls each. Of several ranks the first leaves two sums by
 * channel, cuda_norm_sums doubles, where the scratch begins, and the second expects those of all
 * ranks there; of one rank nothing happens in between. Both have the same arguments. */

/** Bytes of scratch for the calls below. */
int64_t cuda_norm_scratch(const CudaMatrix *form);
int64_t cuda_norm_sums(const CudaMatrix *form);
/** Mean and biased variance by channel. */
cudaError_t cuda_norm_moments_sum(const CudaMatrix *form, const void *x, void *scratch, int ranks,
                                  cudaStream_t stream);
cudaError_t cuda_norm_moments_finish(const CudaMatrix *form, const void *x, float *mean,
                                     float *variance, void *scratch, int ranks,
                                     cudaStream_t stream);

typedef struct CudaNormBackward {
    const void *x, *dy, *y;                      /* y: for CUDA_MASK_BY_Y */
    const float *gamma, *beta, *mean, *variance; /* beta: for CUDA_MASK_BY_SELF */
    void *dx;
    float *dgamma, *dbeta;
    float epsilon;
    CudaNormMask mask;
    int running; /* mean and variance are constants: nothing is to be summed over ranks */
    int ranks;
} CudaNormBackward;

/** dgamma and dbeta are this rank's. dx may be x or dy. */
cudaError_t cuda_norm_backward_sum(const CudaMatrix *form, const CudaNormBackward *call,
                                   void *scratch, cudaStream_t stream);
cudaError_t cuda_norm_backward_finish(const CudaMatrix *form, const CudaNormBackward *call,
                                      void *scratch, cudaStream_t stream);
/** y[c] = sum over rows. */
cudaError_t cuda_channel_sum(const CudaMatrix *form, const void *x, float *y, void *scratch,
                             cudaStream_t stream);

/* ---- pool.cu ------------------------------------------------------------------------------------
 */

/** y (samples, channels) float32: the mean over positions. */
cudaError_t cuda_mean_pool(const CudaMatrix *form, const void *x, float *y, cudaStream_t stream);
cudaError_t cuda_mean_pool_backward(const CudaMatrix *form, const float *dy, void *dx,
                                    cudaStream_t stream);

/* ---- layout.cu ----------------------------------------------------------------------------------
 */

/** Between (samples, channels, positions) float32 and a matrix. */
cudaError_t cuda_to_rows(const CudaMatrix *form, const float *from, void *to, cudaStream_t stream);
cudaError_t cuda_from_rows(const CudaMatrix *form, const void *from, float *to,
                           cudaStream_t stream);

/* A convolution's weights: (O, I, taps) float32 and, padded, (O', taps, I') in the type computed
 * in. */
typedef struct CudaPackItem {
    const float *from;
    void *to;
    int32_t outputs, inputs, taps, padded_outputs, padded_inputs;
    int64_t first; /* number of its first output and input pair among all items' */
} CudaPackItem;

/** items in device memory, of `pairs` padded outputs x inputs in all. */
cudaError_t cuda_pack(CudaType type, const CudaPackItem *items, int count, int64_t pairs,
                      cudaStream_t stream);
/** The way back of one. */
cudaError_t cuda_unpack(CudaType type, const void *from, float *to, int64_t outputs, int64_t inputs,
                        int64_t taps, cudaStream_t stream);

/** to = [to +] from x *factor; factor NULL: 1. */
cudaError_t cuda_deliver(float *to, const float *from, int64_t count, const float *factor, int add,
                         cudaStream_t stream);

typedef struct CudaUpdateItem {
    float *parameter;
    const float *value;
    int64_t count;
    double rate, scale;
} CudaUpdateItem;

/** parameter = (1 - rate) parameter + rate scale value, for items in device memory. */
cudaError_t cuda_apply_updates(const CudaUpdateItem *items, int count, cudaStream_t stream);

/** *to = value, in the stream's order. */
cudaError_t cuda_set_key(uint64_t *to, uint64_t value, cudaStream_t stream);

/* ---- direct.cu: convolutions with groups, and those that cuDNN has no engine for
 * ------------------ */

typedef struct CudaDirect {
    CudaMatrix x, y; /* of the forward convolution */
    int64_t xs[3], ys[3], ws[3], stride[3], padding[3], dilation[3], groups;
} CudaDirect;

/** w, dw: (O, I / groups, taps) float32, as the graph has them. */
cudaError_t cuda_direct_forward(const CudaDirect *form, const void *x, const float *w, void *y,
                                cudaStream_t stream);
cudaError_t cuda_direct_data(const CudaDirect *form, const void *dy, const float *w, void *dx,
                             cudaStream_t stream);
cudaError_t cuda_direct_weights(const CudaDirect *form, const void *x, const void *dy, float *dw,
                                cudaStream_t stream);

/* ---- loss.cu: each writes the loss and its gradient times *scale (NULL: 1)
 * ------------------------- */

typedef struct CudaLoss {
    const float *x, *target, *weights; /* weights: NULL, all 1; target: of pairs the ties, may be
                                        * NULL; of lists the mask */
    float *loss, *gradient;
    const float *scale;
    double *sums; /* of several ranks: the call leaves the loss's sum and the weights' here, to
                   * be added up before cuda_loss_share; NULL: it is all */
    int64_t samples, size; /* of lists: their number and length */
    int divergence;
    double margin;
} CudaLoss;

cudaError_t cuda_loss_bce_run(const CudaLoss *call, cudaStream_t stream);
cudaError_t cuda_loss_softmax_run(const CudaLoss *call, cudaStream_t stream);
cudaError_t cuda_loss_pairs_run(const CudaLoss *call, cudaStream_t stream);
cudaError_t cuda_loss_lists_run(const CudaLoss *call, cudaStream_t stream);
/** From the sums of all ranks to the loss and its gradient, of `count` numbers. */
cudaError_t cuda_loss_share(const CudaLoss *call, int64_t count, cudaStream_t stream);

/* ---- colour.cu
 * ------------------------------------------------------------------------------------ */

int64_t cuda_colour_scratch(int64_t samples, int64_t frames);
/** x (N,3,T,P) float32 -> y (N, HEDON_COLOUR_MOTION_FEATURES) */
cudaError_t cuda_colour_motion(const float *x, float *y, int64_t samples, int64_t frames,
                               int64_t pixels, void *scratch, cudaStream_t stream);

/* ---- optimise.cu: one launch for all parameters
 * ----------------------------------------------------- */

enum { CUDA_BLOCK = 1 << 14 }; /* elements that one thread block updates */

/* A piece of a parameter; its place is the same in the blocks of all parts of a state. */
typedef struct CudaPiece {
    int64_t offset;
    int32_t count, ordinal;
} CudaPiece;

/* By ordinal. */
typedef struct CudaRule {
    CudaUpdate update;
    int32_t learns; /* it has a gradient, and its rate is not 0 */
} CudaRule;

typedef struct CudaOptimise {
    float *parameters, *moment1, *moment2, *average; /* blocks; NULL where there is none */
    const float *gradients;
    const CudaPiece *pieces; /* these two in device memory */
    const CudaRule *rules;
    int piece_count;
    int adamw;
    double gradient_scale, clip_norm, average_decay;
    double *sums;   /* piece_count */
    double *result; /* norm; 1 when finite; the factor of gradients */
} CudaOptimise;

cudaError_t cuda_optimise_run(const CudaOptimise *call, cudaStream_t stream);

/* ---- pixels.cu
 * -------------------------------------------------------------------------------------- */

cudaError_t cuda_pixels_run(const CudaPixels *call, cudaStream_t stream);

#ifdef __cplusplus
}
#endif

#endif
