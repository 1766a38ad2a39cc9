/* First bytes of files, as hedon annotate looks at them. */
#include <stdlib.h>
#include <string.h>

#include "annotate/sniff.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *exact = malloc(size ? size : 1); /* the sanitizer sees what is read past its end */
    if (!exact) return 0;
    memcpy(exact, data, size);
    const int first = hedon_sniff_bytes("a", exact, size);
    if (first != 0 && first != 1) abort();
    if (size > HEDON_SNIFF_BYTES && hedon_sniff_bytes("a", exact, HEDON_SNIFF_BYTES) != first)
        abort(); /* what comes later was looked at */
    free(exact);
    return 0;
}

uint8_t *fuzz_seed(int number, size_t *size)
{
    static const struct {
        const char *bytes;
        size_t size;
    } beginnings[] = {
        {"\0\0\0\x20"
         "ftypisom\0\0\2\0isomiso2",
         24},
        {"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\1\x42\x82\x88matroska", 20},
        {"OggS\0\2\0\0\0\0\0\0\0\0\1\1\1\1\0\0\0\0\1\1\1\1\1\x2a\x80theora", 35},
        {"GIF89a\1\0\1\0\0\0\0!\xff\x0bNETSCAPE2.0\3\1\0\0\0", 32},
        {"\0\0\0\1\x67\x42", 6},
        {"G", 1},
    };
    if (number < 0 || (size_t)number >= sizeof(beginnings) / sizeof(*beginnings)) return NULL;
    *size = number == 5 ? 1316 : beginnings[number].size;
    uint8_t *seed = calloc(1, *size);
    if (!seed) return NULL;
    memcpy(seed, beginnings[number].bytes, beginnings[number].size);
    for (size_t i = 0; number == 5 && i < *size; i += 188) seed[i] = 'G';
    return seed;
}
