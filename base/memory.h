/* Allocation: sizes checked before multiplying, and a way for tests to make the k-th one fail. */
#ifndef HEDON_BASE_MEMORY_H
#define HEDON_BASE_MEMORY_H

#include <stddef.h>
#include <stdint.h>

/* NULL when memory is out, when count * size overflows, or when a test says so. */
void *hedon_malloc(size_t count, size_t size);
void *hedon_calloc(size_t count, size_t size);
void *hedon_realloc(void *old, size_t count, size_t size);
/** 64-byte aligned (large blocks: on huge pages where there are any), not cleared; free with
 *  hedon_free. */
void *hedon_malloc_aligned(size_t count, size_t size);
char *hedon_strdup(const char *text);
char *hedon_strndup(const char *text, size_t length);
void hedon_free(void *pointer);

/** Fault injection: the k-th allocation from now (1 is the next) fails, once; 0 turns it off. */
void hedon_memory_fail_at(int64_t k);
/** Whether the injected failure has happened since it was set. */
int hedon_memory_failed(void);

#endif
