#include "kernels/cuda/matmul.h"

#include "base/error.h"

enum { WORKSPACE = 4 << 20, LEAST_ALIGNMENT = 16 };

static int check(HedonContext *ctx, cublasStatus_t status, const char *what)
{
    if (status == CUBLAS_STATUS_SUCCESS) return 0;
    return hedon_fail(ctx, HEDON_EDEVICE, "cuBLASLt: %s: %s", what,
                      cublasLtGetStatusString(status));
}

/* What a call is described by. In cuBLASLt's eyes c^T (columns x rows) = b^T a^T: its A is our b,
 * its B is our a. */
typedef struct Description {
    cublasLtMatmulDesc_t matmul;
    cublasLtMatrixLayout_t a, b, c;
} Description;

static void release(Description *d)
{
    if (d->a) cublasLtMatrixLayoutDestroy(d->a);
    if (d->b) cublasLtMatrixLayoutDestroy(d->b);
    if (d->c) cublasLtMatrixLayoutDestroy(d->c);
    if (d->matmul) cublasLtMatmulDescDestroy(d->matmul);
}

/* A row-major matrix of so many columns is column-major with so many rows. */
static int layout(HedonContext *ctx, cublasLtMatrixLayout_t *out, int64_t rows, int64_t columns,
                  int transposed)
{
    const uint64_t across = (uint64_t)(transposed ? rows : columns);
    const uint64_t down = (uint64_t)(transposed ? columns : rows);
    return check(ctx, cublasLtMatrixLayoutCreate(out, CUDA_R_32F, across, down, (int64_t)across),
                 "a matrix");
}

static int set(HedonContext *ctx, Description *d, cublasLtMatmulDescAttributes_t name,
               const void *value, size_t size)
{
    return check(ctx, cublasLtMatmulDescSetAttribute(d->matmul, name, value, size), "an attribute");
}

static int describe(HedonContext *ctx, Description *d, const CudaDevice *device,
                    const CudaMatmul *m, const void *bias)
{
    const cublasComputeType_t compute =
        device->tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F;
    const cublasOperation_t a = m->b_transposed ? CUBLAS_OP_T : CUBLAS_OP_N;
    const cublasOperation_t b = m->a_transposed ? CUBLAS_OP_T : CUBLAS_OP_N;
    const cublasLtEpilogue_t epilogue = CUBLASLT_EPILOGUE_BIAS;
    int err = check(ctx, cublasLtMatmulDescCreate(&d->matmul, compute, CUDA_R_32F), "a product");
    if (!err) err = set(ctx, d, CUBLASLT_MATMUL_DESC_TRANSA, &a, sizeof(a));
    if (!err) err = set(ctx, d, CUBLASLT_MATMUL_DESC_TRANSB, &b, sizeof(b));
    if (!err && m->bias)
        err = set(ctx, d, CUBLASLT_MATMUL_DESC_EPILOGUE, &epilogue, sizeof(epilogue));
    if (!err && bias) err = set(ctx, d, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &bias, sizeof(bias));
    if (!err) err = layout(ctx, &d->a, m->inner, m->columns, m->b_transposed);
    if (!err) err = layout(ctx, &d->b, m->rows, m->inner, m->a_transposed);
    if (!err) err = layout(ctx, &d->c, m->rows, m->columns, 0);
    return err;
}

static int prefer(HedonContext *ctx, cublasLtMatmulPreference_t preference)
{
    static const cublasLtMatmulPreferenceAttributes_t alignments[] = {
        CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
        CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES};
    const uint64_t room = WORKSPACE;
    const uint32_t alignment = LEAST_ALIGNMENT;
    int err = check(ctx,
                    cublasLtMatmulPreferenceSetAttribute(
                        preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &room, sizeof(room)),
                    "a preference");
    for (int i = 0; i < 4 && !err; i++)
        err = check(ctx,
                    cublasLtMatmulPreferenceSetAttribute(preference, alignments[i], &alignment,
                                                         sizeof(alignment)),
                    "a preference");
    return err;
}

int cuda_matmul_plan(HedonContext *ctx, CudaDevice *device, CudaMatmul *m)
{
    Description d = {0};
    cublasLtMatmulPreference_t preference = NULL;
    cublasLtMatmulHeuristicResult_t result;
    int found = 0;
    /* only its alignment is looked at */
    int err = describe(ctx, &d, device, m, m->bias ? (const void *)LEAST_ALIGNMENT : NULL);
    if (!err) err = check(ctx, cublasLtMatmulPreferenceCreate(&preference), "a preference");
    if (!err) err = prefer(ctx, preference);
    if (!err)
        err = check(ctx,
                    cublasLtMatmulAlgoGetHeuristic(device->blas, d.matmul, d.a, d.b, d.c, d.c,
                                                   preference, 1, &result, &found),
                    "an algorithm");
    if (!err && (found < 1 || result.state != CUBLAS_STATUS_SUCCESS))
        err = hedon_fail(ctx, HEDON_EDEVICE,
                         "cuBLASLt has no algorithm for a product of %lldx%lldx%lld",
                         (long long)m->rows, (long long)m->inner, (long long)m->columns);
    if (!err) {
        m->algorithm = result.algo;
        m->workspace = (int64_t)result.workspaceSize;
    }
    if (preference) cublasLtMatmulPreferenceDestroy(preference);
    release(&d);
    return err;
}

int cuda_matmul_run(HedonContext *ctx, CudaDevice *device, const CudaMatmul *m, const void *a,
                    const void *b, const void *bias, void *c, void *workspace, cudaStream_t stream)
{
    const float one = 1, zero = 0;
    Description d = {0};
    int err = describe(ctx, &d, device, m, bias);
    if (!err)
        err = check(ctx,
                    cublasLtMatmul(device->blas, d.matmul, &one, b, d.a, a, d.b, &zero, c, d.c, c,
                                   d.c, &m->algorithm, workspace, (size_t)m->workspace, stream),
                    "a product");
    release(&d);
    return err;
}
