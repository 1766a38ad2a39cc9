/* Conditions as people write them (hedon top --where): whatever they say, the database understands
 * what comes out. */
#include <stdlib.h>
#include <string.h>

#include "store/store.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static HedonContext *ctx;
    static HedonStore *store;
    if (!store) {
        ctx = hedon_context_new();
        if (hedon_store_open(ctx, &store, ":memory:", NULL)) abort();
    }
    char *text = malloc(size + 1);
    if (!text) return 0;
    memcpy(text, data, size);
    text[size] = 0;
    int64_t count;
    const HedonStoreQuery query = {.run = 1, .where = text, .errors = 2};
    const int code = hedon_store_count(ctx, store, &query, &count);
    if (code && (code != HEDON_EINVAL || !hedon_last_error(ctx)[0])) abort();
    if (!code && count) abort(); /* the store is empty */
    free(text);
    return 0;
}

uint8_t *fuzz_seed(int number, size_t *size)
{
    static const char *const seeds[] = {
        "Joy > .3 and duration < 60 and path ~ holiday",
        "not (\"Awe (or Wonder)\" >= 1e-3 or 'aesthetic appreciation' != 0.5)",
        "error = 'no \"\"video\"\" ''stream''' or root=/a/b-c_%d.mp4",
        "((utility<=-1.5)) AND (percentile>99 OR (WIDTH = 320 and height!=240))",
        "file:%FF ~ x or path ~ file:%41\xff\xc3\xa4",
    };
    if (number >= (int)(sizeof(seeds) / sizeof(seeds[0]))) return NULL;
    return fuzz_seed_bytes(seeds[number], strlen(seeds[number]), size);
}
