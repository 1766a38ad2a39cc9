/* Range headers, as hedon serve reads them. */
#include <stdlib.h>
#include <string.h>

#include "report/serve/range.h"
#include "tests/fuzz/fuzz.h"

/* The first byte chooses the file's size, the rest is the header. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint64_t sizes[] = {0, 1, 2, 1000, UINT64_C(1) << 40, INT64_MAX};
    if (!size) return 0;
    const uint64_t bytes = sizes[data[0] % (sizeof(sizes) / sizeof(*sizes))];
    char *header = malloc(size);
    if (!header) return 0;
    memcpy(header, data + 1, size - 1);
    header[size - 1] = 0;
    HedonRange range;
    if (hedon_range_read(header, bytes, &range) == 1 &&
        (range.first > range.last || range.last >= bytes))
        abort();
    free(header);
    return 0;
}

uint8_t *fuzz_seed(int number, size_t *size)
{
    static const char *const seeds[] = {
        "0bytes=0-9", "1bytes=-5", "2bytes=100-", "3bytes=0-1,4-5", "4bytes=999999999999999999-",
        "5BYTES=1-1"};
    if (number >= (int)(sizeof(seeds) / sizeof(*seeds))) return NULL;
    *size = strlen(seeds[number]);
    uint8_t *bytes = malloc(*size);
    if (bytes) memcpy(bytes, seeds[number], *size);
    return bytes;
}
