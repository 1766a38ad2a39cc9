#include "models/digest.h"

#include <nettle/base16.h>
#include <nettle/sha2.h>

void hedon_sha256(char out[HEDON_SHA256_ROOM], const void *data, size_t size)
{
    struct sha256_ctx state;
    uint8_t digest[SHA256_DIGEST_SIZE];
    sha256_init(&state);
    sha256_update(&state, size, data);
    sha256_digest(&state, sizeof(digest), digest);
    base16_encode_update(out, sizeof(digest), digest);
    out[HEDON_SHA256_ROOM - 1] = 0;
}
