#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

enum { BLOCK_BYTES = 16384 };

struct HedonArenaBlock {
    struct HedonArenaBlock *next;
    size_t used, size;
    _Alignas(16) unsigned char bytes[];
};

void *hedon_arena_alloc(HedonArena *arena, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > PTRDIFF_MAX / 2) return NULL;
    bytes = (bytes + 15) & ~(size_t)15;
    struct HedonArenaBlock *block = arena->head;
    if (!block || block->size - block->used < bytes) {
        const size_t room = bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES;
        block = hedon_calloc(1, sizeof(*block) + room);
        if (!block) return NULL;
        block->size = room;
        block->next = arena->head;
        arena->head = block;
    }
    void *result = block->bytes + block->used;
    block->used += bytes;
    return result;
}

char *hedon_arena_strdup(HedonArena *arena, const char *text)
{
    const size_t length = strlen(text) + 1;
    char *copy = hedon_arena_alloc(arena, length, 1);
    return copy ? memcpy(copy, text, length) : NULL;
}

char *hedon_arena_printf(HedonArena *arena, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    const int length = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    char *text = length < 0 ? NULL : hedon_arena_alloc(arena, (size_t)length + 1, 1);
    if (text) vsnprintf(text, (size_t)length + 1, fmt, again);
    va_end(again);
    return text;
}

void hedon_arena_free(HedonArena *arena)
{
    while (arena->head) {
        struct HedonArenaBlock *next = arena->head->next;
        hedon_free(arena->head);
        arena->head = next;
    }
}
