#include "report/serve/readers.h"

#include <pthread.h>

#include "base/error.h"
#include "base/memory.h"

enum { KEPT = 8 };
static const double patience_s = 5; /* a browser waits no longer either */

struct HedonReaders {
    char *place;
    pthread_mutex_t lock;
    HedonReader *idle[KEPT];
    int count;
};

static void reader_free(HedonReader *reader)
{
    hedon_store_close(reader->store);
    hedon_context_free(reader->ctx);
    hedon_free(reader);
}

static int reader_new(HedonContext *ctx, HedonReader **out, const char *place)
{
    HedonStoreOptions options;
    HedonReader *reader = hedon_calloc(1, sizeof(*reader));
    *out = NULL;
    if (!reader) return hedon_fail_memory(ctx);
    reader->ctx = hedon_context_new();
    hedon_store_options_default(&options);
    options.read_only = 1;
    options.patience_s = patience_s;
    int code =
        reader->ctx ? hedon_store_open(reader->ctx, &reader->store, place, &options) : HEDON_ENOMEM;
    if (code) {
        code = hedon_fail(ctx, code, "%s", reader->ctx ? hedon_last_error(reader->ctx) : "memory");
        reader_free(reader);
        return code;
    }
    *out = reader;
    return 0;
}

int hedon_readers_new(HedonContext *ctx, HedonReaders **out, const char *place)
{
    *out = NULL;
    HedonReaders *readers = hedon_calloc(1, sizeof(*readers));
    if (!readers) return hedon_fail_memory(ctx);
    pthread_mutex_init(&readers->lock, NULL);
    readers->place = hedon_strdup(place);
    int code = readers->place ? 0 : hedon_fail_memory(ctx);
    HedonReader *first;
    if (!code) code = reader_new(ctx, &first, place); /* what is wrong with the store is told now */
    if (code) {
        hedon_readers_free(readers);
        return code;
    }
    hedon_readers_give(readers, first, 0);
    *out = readers;
    return 0;
}

HedonReader *hedon_readers_take(HedonReaders *readers)
{
    HedonReader *reader = NULL;
    pthread_mutex_lock(&readers->lock);
    if (readers->count) reader = readers->idle[--readers->count];
    pthread_mutex_unlock(&readers->lock);
    if (!reader) reader_new(NULL, &reader, readers->place);
    return reader;
}

void hedon_readers_give(HedonReaders *readers, HedonReader *reader, int broken)
{
    pthread_mutex_lock(&readers->lock);
    if (!broken && readers->count < KEPT) {
        readers->idle[readers->count++] = reader;
        reader = NULL;
    }
    pthread_mutex_unlock(&readers->lock);
    if (reader) reader_free(reader);
}

void hedon_readers_free(HedonReaders *readers)
{
    if (!readers) return;
    for (int i = 0; i < readers->count; i++) reader_free(readers->idle[i]);
    pthread_mutex_destroy(&readers->lock);
    hedon_free(readers->place);
    hedon_free(readers);
}
