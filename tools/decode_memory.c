/* Notices allocations that fail in libav. Its decoders report them as all sorts of errors, so that
 * a picture too big for the memory budget would pass for a damaged one. */
#include "tools/decode_memory.h"

#include <malloc.h>
#include <stdatomic.h>
#include <stddef.h>

static atomic_int failed;

int hedon_decode_memory_failed(void)
{
    return atomic_exchange(&failed, 0);
}

void hedon_decode_memory_keep(void)
{
    mallopt(M_MMAP_THRESHOLD, 16 << 20);
    mallopt(M_TRIM_THRESHOLD, 64 << 20);
    mallopt(M_TOP_PAD, 1 << 20);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

#include <errno.h>
#include <stdlib.h>

/* Takes the C library's place for the whole process: libav allocates pictures with it. */
__attribute__((visibility("default"))) int posix_memalign(void **pointer, size_t alignment,
                                                          size_t size)
{
    void *memory = memalign(alignment, size);
    if (!memory) {
        atomic_store(&failed, 1);
        return ENOMEM;
    }
    *pointer = memory;
    return 0;
}

#endif
