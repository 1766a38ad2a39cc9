/* A bump arena for many small objects that die together: graphs, parsed metadata. */
#ifndef HEDON_BASE_ARENA_H
#define HEDON_BASE_ARENA_H

#include <stddef.h>

typedef struct HedonArena {
    struct HedonArenaBlock *head;
} HedonArena; /* zero-initialised is empty and ready */

/** Zero-filled, 16-byte aligned; NULL when memory is out or count * size overflows. */
void *hedon_arena_alloc(HedonArena *arena, size_t count, size_t size);
char *hedon_arena_strdup(HedonArena *arena, const char *text);
char *hedon_arena_printf(HedonArena *arena, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void hedon_arena_free(HedonArena *arena);

#endif
