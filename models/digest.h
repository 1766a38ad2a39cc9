/* SHA-256, by which outputs name the model that made them. */
#ifndef HEDON_MODELS_DIGEST_H
#define HEDON_MODELS_DIGEST_H

#include <stddef.h>

enum { HEDON_SHA256_ROOM = 65 };

/** The digest of data as 64 hexadecimal digits and a NUL. */
void hedon_sha256(char out[HEDON_SHA256_ROOM], const void *data, size_t size);

#endif
