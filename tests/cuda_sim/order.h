/* Whether work on the simulated device is in order. Its streams do everything at once, so a missing
 * wait would never show in results; instead every access to memory that is told here is compared
 * with those before. */
#ifndef HEDON_TESTS_CUDA_SIM_ORDER_H
#define HEDON_TESTS_CUDA_SIM_ORDER_H

#include <cuda_runtime_api.h>

/** Work put into `stream` reads or writes bytes at `at`. Aborts when a stream that nothing orders
 * before this one accessed any of them, and either writes. NULL stream: not looked at. */
void order_access(cudaStream_t stream, const void *at, size_t bytes, int writes, const char *what);
/** All streams of the capture that began in `origin` are on their own again; 0 when one of them has
 * work that nothing in `origin` waits for. */
int order_end_capture(cudaStream_t origin);
/** Memory that was allocated: nobody has accessed it. */
void order_forget(const void *at, size_t bytes);

#endif
