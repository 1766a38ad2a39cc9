#include "base/memory.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { HUGE_PAGE = 2 << 20, HUGE_FROM = 2 * HUGE_PAGE };

static atomic_llong fail_countdown;
static atomic_int fail_happened;

void hedon_memory_fail_at(int64_t k)
{
    atomic_store(&fail_happened, 0);
    atomic_store(&fail_countdown, k);
}

int hedon_memory_failed(void)
{
    return atomic_load(&fail_happened);
}

static int refused(size_t count, size_t size, size_t *bytes)
{
    if (atomic_load_explicit(&fail_countdown, memory_order_relaxed) > 0 &&
        atomic_fetch_sub(&fail_countdown, 1) == 1) {
        atomic_store(&fail_happened, 1);
        return 1;
    }
    if (__builtin_mul_overflow(count, size, bytes) || *bytes > PTRDIFF_MAX) return 1;
    if (*bytes == 0) *bytes = 1;
    return 0;
}

void *hedon_malloc(size_t count, size_t size)
{
    size_t bytes;
    return refused(count, size, &bytes) ? NULL : malloc(bytes);
}

void *hedon_calloc(size_t count, size_t size)
{
    size_t bytes;
    return refused(count, size, &bytes) ? NULL : calloc(1, bytes);
}

void *hedon_realloc(void *old, size_t count, size_t size)
{
    size_t bytes;
    return refused(count, size, &bytes) ? NULL : realloc(old, bytes);
}

void *hedon_malloc_aligned(size_t count, size_t size)
{
    size_t bytes;
    if (refused(count, size, &bytes) || bytes > PTRDIFF_MAX - HUGE_PAGE) return NULL;
    const size_t alignment = bytes < HUGE_FROM ? 64 : HUGE_PAGE;
    bytes = (bytes + alignment - 1) & ~(alignment - 1);
    void *pointer = aligned_alloc(alignment, bytes);
    /* a hint: weights and activations of hundreds of MB would miss the TLB all the time */
    if (pointer && alignment == HUGE_PAGE) madvise(pointer, bytes, MADV_HUGEPAGE);
    return pointer;
}

char *hedon_strndup(const char *text, size_t length)
{
    char *copy = hedon_malloc(length + 1, 1);
    if (!copy) return NULL;
    memcpy(copy, text, length);
    copy[length] = 0;
    return copy;
}

char *hedon_strdup(const char *text)
{
    return hedon_strndup(text, strlen(text));
}

void hedon_free(void *pointer)
{
    free(pointer);
}
