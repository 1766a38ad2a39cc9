/* The cuda backend's planner, as far as it goes without a GPU: views of convolutions, and cuDNN's
 * descriptors of tensors, operations, graphs and heuristics for every convolution of R(2+1)D-18,
 * forward and backward. cuDNN is asked about an H100 by its description. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/cuda/dnn.h"
#include "kernels/graph/autodiff.h"
#include "models/model.h"

static HedonContext *ctx;

static void check(int code)
{
    if (code) fail_msg("%s: %s", hedon_error_name(code), hedon_last_error(ctx));
}

/* ---- Views ---------------------------------------------------------------------------------- */

static CudaConv view(CudaType type, const int64_t x[5], int64_t outputs, const int64_t kernel[3],
                     const int64_t stride[3], const int64_t padding[3])
{
    HedonShape xs = {5, {x[0], x[1], x[2], x[3], x[4]}}, ys = {5, {x[0], outputs}};
    HedonShape ws = {5, {outputs, x[1], kernel[0], kernel[1], kernel[2]}};
    HedonConvAttributes a = {.dilation = {1, 1, 1}, .groups = 1};
    for (int i = 0; i < 3; i++) {
        a.stride[i] = stride[i];
        a.padding[i] = padding[i];
        ys.dim[2 + i] = (x[2 + i] + 2 * padding[i] - kernel[i]) / stride[i] + 1;
    }
    CudaConv conv;
    assert_true(cuda_conv_view(&conv, CUDA_CONV_FORWARD, type, &xs, &ws, &ys, &a));
    return conv;
}

static void spatial_kernels_are_2d_over_frames(void **state)
{
    (void)state;
    const CudaConv c = view(CUDA_BF16, (int64_t[]){2, 3, 16, 112, 112}, 45, (int64_t[]){1, 7, 7},
                            (int64_t[]){1, 2, 2}, (int64_t[]){0, 3, 3});
    assert_int_equal(c.dims, 2);
    assert_int_equal(c.n, 32);
    assert_int_equal(c.c, 8);
    assert_int_equal(c.k, 48);
    assert_int_equal(c.x[0], 112);
    assert_int_equal(c.y[0], 56);
    assert_int_equal(c.y[1], 56);
    assert_int_equal(c.w[0], 7);
    assert_int_equal(c.stride[1], 2);
    assert_int_equal(c.padding[1], 3);
}

static void temporal_kernels_are_2d_over_time_and_place(void **state)
{
    (void)state;
    const CudaConv c = view(CUDA_F32, (int64_t[]){2, 230, 16, 28, 14}, 128, (int64_t[]){3, 1, 1},
                            (int64_t[]){2, 1, 1}, (int64_t[]){1, 0, 0});
    assert_int_equal(c.dims, 2);
    assert_int_equal(c.n, 2);
    assert_int_equal(c.c, 232);
    assert_int_equal(c.x[0], 16);
    assert_int_equal(c.x[1], 28 * 14);
    assert_int_equal(c.y[0], 8);
    assert_int_equal(c.y[1], 28 * 14);
    assert_int_equal(c.w[0], 3);
    assert_int_equal(c.w[1], 1);
    assert_int_equal(c.stride[0], 2);
    assert_int_equal(c.stride[1], 1);
}

static void what_mixes_both_stays_3d(void **state)
{
    (void)state;
    const CudaConv cube = view(CUDA_F16, (int64_t[]){1, 64, 8, 14, 14}, 64, (int64_t[]){3, 3, 3},
                               (int64_t[]){1, 1, 1}, (int64_t[]){1, 1, 1});
    assert_int_equal(cube.dims, 3);
    const CudaConv shortcut =
        view(CUDA_F16, (int64_t[]){1, 64, 8, 14, 14}, 128, (int64_t[]){1, 1, 1},
             (int64_t[]){2, 2, 2}, (int64_t[]){0, 0, 0});
    assert_int_equal(shortcut.dims, 3);
    assert_int_equal(shortcut.y[2], 7);
}

static void keys_tell_work_apart(void **state)
{
    (void)state;
    CudaConv a = view(CUDA_BF16, (int64_t[]){1, 64, 8, 14, 14}, 64, (int64_t[]){1, 3, 3},
                      (int64_t[]){1, 1, 1}, (int64_t[]){0, 1, 1});
    char first[256], other[256];
    cuda_conv_key(&a, first, sizeof(first));
    CudaConv changed[8];
    for (int i = 0; i < 8; i++) changed[i] = a;
    changed[0].n++;
    changed[1].fused = CUDA_CONV_BIAS;
    changed[2].type = CUDA_F16;
    changed[3].kind = CUDA_CONV_DATA;
    changed[4].x[1]++;
    changed[5].padding[0] = 0;
    changed[6].tf32 = 1;
    changed[7].stride[0] = 2;
    for (int i = 0; i < 8; i++) {
        cuda_conv_key(&changed[i], other, sizeof(other));
        assert_string_not_equal(first, other);
    }
}

/* ---- cuDNN ---------------------------------------------------------------------------------- */

/* An H100 as cudnnBackendGetAttribute(CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION) writes one:
 * NVIDIA's published figures. NULL where this cuDNN wants another form. */
static cudnnBackendDescriptor_t h100(void)
{
    static const char json[] =
        "{\"maxGridSize\": [2147483647, 65535, 65535], \"maxBlockSize\": [1024, 1024, 64], "
        "\"regsPerBlock\": 65536, \"multiProcessorCount\": 132, \"smClockRateKHz\": 1980000, "
        "\"memClockRateKHz\": 2619000, \"l2CacheSize\": 52428800, \"warpSize\": 32, "
        "\"maxSharedMemoryPerBlock\": 49152, \"maxSharedMemoryPerBlockOptin\": 232448, "
        "\"reservedSharedMemoryPerBlock\": 1024, \"maxRegistersPerSM\": 65536, \"pciDeviceId\": 0, "
        "\"maxCtasPerSM\": 32, \"maxThreadsPerBlock\": 1024, \"maxThreadsPerSM\": 2048, "
        "\"isTccDriver\": 0, \"supportCoopLaunch\": 1, \"deviceVer\": 900, \"driverVer\": 13000, "
        "\"cudaDeviceId\": 0, \"totalGlobalMem\": 85000000000, "
        "\"deviceName\": \"NVIDIA H100 80GB HBM3\"}";
    cudnnBackendDescriptor_t device;
    if (cudnnBackendCreateDescriptor(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR, &device)) return NULL;
    if (!cudnnBackendSetAttribute(device, CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION,
                                  CUDNN_TYPE_CHAR, sizeof(json) - 1, json) &&
        !cudnnBackendFinalize(device))
        return device;
    cudnnBackendDestroyDescriptor(device);
    return NULL;
}

enum { SEEN = 256 };

typedef struct Tally {
    int convolutions, graphs, engines, without;
    char first_without[256];
    char seen[SEEN][256]; /* keys: most layers are like another */
} Tally;

static int is_new(Tally *tally, const CudaConv *conv)
{
    char key[256];
    cuda_conv_key(conv, key, sizeof(key));
    for (int i = 0; i < tally->graphs; i++)
        if (!strcmp(tally->seen[i], key)) return 0;
    assert_true(tally->graphs < SEEN);
    memcpy(tally->seen[tally->graphs++], key, sizeof(key));
    return 1;
}

/* Graph and heuristics of one convolution. */
static void plan(CudaConv conv, unsigned fused, cudnnBackendDescriptor_t device, Tally *tally)
{
    DnnGraph graph;
    DnnEngines engines;
    conv.fused = fused;
    tally->convolutions++;
    if (!is_new(tally, &conv)) return;
    check(dnn_graph_make(ctx, &graph, &conv));
    assert_non_null(graph.graph);
    check(dnn_engines_list(ctx, &engines, &graph, &conv, device));
    tally->engines += engines.count;
    if (!engines.count && !tally->without++)
        cuda_conv_key(&conv, tally->first_without, sizeof(tally->first_without));
    if (getenv("HEDON_VERBOSE")) {
        char key[256];
        cuda_conv_key(&conv, key, sizeof(key));
        printf("%-110s offered %2d taken %2d:", key, engines.offered, engines.count);
        for (int i = 0; i < engines.count && i < 8; i++) printf(" %d", (int)engines.list[i].index);
        printf("\n");
    }
    dnn_engines_free(&engines);
    dnn_graph_free(&graph);
}

static void plan_node(const HedonGraph *graph, const HedonNode *node, CudaType type,
                      cudnnBackendDescriptor_t device, Tally *tally)
{
    const HedonShape *in[2] = {NULL}, *out = &graph->values[node->output[0]].shape;
    CudaConv conv;
    for (int i = 0; i < 2 && i < node->input_count; i++)
        in[i] = &graph->values[node->input[i]].shape;
    switch (node->op) {
    case HEDON_OP_CONV:
        assert_true(cuda_conv_view(&conv, CUDA_CONV_FORWARD, type, in[0], in[1], out,
                                   &node->attributes.conv));
        plan(conv, 0, device, tally);
        plan(conv, CUDA_CONV_BIAS | CUDA_CONV_RELU, device, tally);
        plan(conv, CUDA_CONV_BIAS | CUDA_CONV_RESIDUAL | CUDA_CONV_RELU, device, tally);
        break;
    case HEDON_OP_CONV_BACKWARD_DATA:
        assert_true(cuda_conv_view(&conv, CUDA_CONV_DATA, type, out, in[1], in[0],
                                   &node->attributes.conv_backward.conv));
        plan(conv, 0, device, tally);
        break;
    case HEDON_OP_CONV_BACKWARD_WEIGHTS:
        assert_true(cuda_conv_view(&conv, CUDA_CONV_WEIGHTS, type, in[0], out, in[1],
                                   &node->attributes.conv_backward.conv));
        plan(conv, 0, device, tally);
        break;
    default:
        break;
    }
}

/* For training at full size: every convolution, and its gradients. */
static HedonGraph *training_graph(const HedonArchitecture *architecture, int64_t batch)
{
    HedonGraph *graph = hedon_graph_new();
    graph->training = 1;
    const HedonValueId clips =
        hedon_graph_input(graph, "clips", &(HedonShape){5, {batch, 3, 16, 112, 112}});
    const HedonValueId features = architecture->build(graph, clips);
    const HedonValueId seed =
        hedon_graph_input(graph, "seed", &(HedonShape){2, {batch, architecture->feature_size}});
    hedon_graph_output(graph, "features", features);
    check(hedon_graph_backward(ctx, graph, &features, &seed, 1, NULL, NULL));
    check(hedon_graph_finish(ctx, graph));
    return graph;
}

/* Forward plain and fused in two ways, the gradients of the data (but for the first convolution,
 * which nothing is below) and of the weights. */
static void plan_architecture(const char *name, CudaType type, int64_t batch, int convolutions,
                              cudnnBackendDescriptor_t device, int driver)
{
    static const char *const types[] = {"fp32", "bf16", "fp16"};
    HedonGraph *graph = training_graph(hedon_architecture_find(name), batch);
    Tally *tally = calloc(1, sizeof(*tally));
    for (int i = 0; i < graph->node_count; i++)
        plan_node(graph, &graph->nodes[i], type, device, tally);
    print_message("%-12s %s, batch %d: %d graphs of %d, %d engines for an H100%s; %d without%s%s\n",
                  name, types[type], (int)batch, tally->graphs, tally->convolutions, tally->engines,
                  driver ? "" : " (no driver: not all were asked)", tally->without,
                  tally->without ? ", first: " : "", tally->first_without);
    assert_int_equal(tally->convolutions, convolutions * 3 + convolutions - 1 + convolutions);
    if (device && driver) assert_int_equal(tally->without, 0);
    free(tally);
    hedon_graph_free(graph);
}

static void every_convolution_becomes_a_graph(void **state)
{
    (void)state;
    cudnnBackendDescriptor_t device = h100();
    /* engines that are compiled when needed ask the driver before they answer */
    const int driver = dlopen("libcuda.so.1", RTLD_NOW | RTLD_GLOBAL) != NULL;
    plan_architecture("r2plus1d_18", CUDA_F32, 1, 37, device, driver);
    plan_architecture("r2plus1d_18", CUDA_F16, 1, 37, device, driver);
    plan_architecture("r2plus1d_18", CUDA_BF16, 8, 37, device, driver);
    plan_architecture("r3d_18", CUDA_BF16, 8, 20, device, driver);
    if (device) cudnnBackendDestroyDescriptor(device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spatial_kernels_are_2d_over_frames),
        cmocka_unit_test(temporal_kernels_are_2d_over_time_and_place),
        cmocka_unit_test(what_mixes_both_stays_3d),
        cmocka_unit_test(keys_tell_work_apart),
        cmocka_unit_test(every_convolution_becomes_a_graph),
    };
    ctx = hedon_context_new();
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    hedon_context_free(ctx);
    return failed;
}
