/* cuDNN's graph API in C: descriptors, a convolution as an operation graph, the engines that can
 * run it. Facts are from NVIDIA's "cudnn_graph library" reference; attribute names are
 * cudnn_graph.h's.
 *
 * Making a graph needs no device. Listing engines needs cuDNN's word on one: the current device, or
 * a description of some other (which tests use).
 */
#ifndef HEDON_KERNELS_CUDA_DNN_H
#define HEDON_KERNELS_CUDA_DNN_H

#include <stdbool.h>

#include <cudnn.h>

#include "hedon.h"
#include "kernels/cuda/convolution.h"

/* The tensors of an operation graph. */
enum {
    DNN_X = 1,
    DNN_W,
    DNN_Y, /* the convolution's output: y, dx or dw of the whole graph is DNN_OUT */
    DNN_OUT,
    DNN_BIAS,
    DNN_RESIDUAL,
    DNN_VIRTUAL /* and on: values inside the graph */
};

enum { DNN_DESCRIPTORS = 32 };

/* Descriptors that belong together: all are kept until all are destroyed. */
typedef struct DnnGraph {
    cudnnBackendDescriptor_t list[DNN_DESCRIPTORS];
    int count;
    cudnnBackendDescriptor_t graph; /* among them */
} DnnGraph;

/** 0, or `code` with cuDNN's words. */
int dnn_check(HedonContext *ctx, cudnnStatus_t status, const char *what);

/**
 * The operation graph of a convolution with what is fused behind it.
 *
 * Forward: OUT = relu?(X * W [+ RESIDUAL] [+ BIAS]). Data: OUT = Y *^T W [+ RESIDUAL], where Y is
 * the gradient. Weights: OUT from X and Y.
 *
 * @param out  freed with dnn_graph_free, after a failure too
 */
int dnn_graph_make(HedonContext *ctx, DnnGraph *out, const CudaConv *conv);
void dnn_graph_free(DnnGraph *graph);

enum { DNN_CANDIDATES = 48 };

/* One way to run a graph. */
typedef struct DnnEngine {
    cudnnBackendDescriptor_t config;
    int64_t index;  /* cuDNN's number of the engine */
    int place;      /* in the list that was offered, refused ones counted */
    unsigned notes; /* bits of cudnnBackendNumericalNote_t */
} DnnEngine;

typedef struct DnnEngines {
    DnnEngine list[DNN_CANDIDATES];
    int count;
    int offered; /* before those were refused that would round otherwise than asked, or as they like
                  */
} DnnEngines;

/**
 * The engines for a graph, best first as cuDNN guesses: those of its heuristics, then its
 * fallbacks. Left out: engines that round float32 to TF32 unless conv says they may, convert inputs
 * downwards, accumulate in less than float32, or give other bits each time.
 *
 * @param device  a CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR; NULL: the current device
 */
int dnn_engines_list(HedonContext *ctx, DnnEngines *out, const DnnGraph *graph,
                     const CudaConv *conv, cudnnBackendDescriptor_t device);
void dnn_engines_free(DnnEngines *engines);

/* An engine that is ready to run. */
typedef struct DnnPlan {
    cudnnBackendDescriptor_t plan;
    int64_t workspace; /* bytes */
} DnnPlan;

/** HEDON_EUNSUPPORTED with cuDNN's reason where the engine cannot do it after all. */
int dnn_plan_make(HedonContext *ctx, DnnPlan *out, const DnnEngine *engine, cudnnHandle_t handle);
void dnn_plan_free(DnnPlan *plan);

/* Device pointers, by tensor; NULL for those that the graph has not. */
typedef struct DnnPointers {
    void *at[DNN_RESIDUAL + 1];
} DnnPointers;

/** In the handle's stream. */
int dnn_plan_run(HedonContext *ctx, const DnnPlan *plan, cudnnHandle_t handle,
                 const DnnPointers *pointers, void *workspace);

#endif
