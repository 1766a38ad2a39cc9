#include "store/libpq.h"

#include <dlfcn.h>

#include "base/error.h"

int hedon_libpq_load(HedonContext *ctx, HedonLibpq *libpq)
{
    void *library = dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return hedon_fail(ctx, HEDON_EUNSUPPORTED,
                          "PostgreSQL's client library is not on this machine: install libpq5");
#define LOAD(name)                                                                                 \
    *(void **)&libpq->name = dlsym(library, #name);                                                \
    if (!libpq->name)                                                                              \
        return hedon_fail(ctx, HEDON_EUNSUPPORTED,                                                 \
                          "PostgreSQL's client library has no %s: hedon needs libpq 14 or later",  \
                          #name);
    HEDON_LIBPQ_FUNCTIONS(LOAD)
#undef LOAD
    return 0;
}
