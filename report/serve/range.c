#include "report/serve/range.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

/* Digits alone, up to 18 of them. */
static const char *read_bytes(const char *text, uint64_t *value)
{
    int digits = 0;
    for (*value = 0; *text >= '0' && *text <= '9' && digits < 18; digits++)
        *value = 10 * *value + (uint64_t)(*text++ - '0');
    return digits && (*text < '0' || *text > '9') ? text : NULL;
}

int hedon_range_read(const char *header, uint64_t size, HedonRange *range)
{
    uint64_t number;
    if (!header || strncasecmp(header, "bytes=", 6) || strchr(header, ',')) return 0;
    const char *text = header + 6;
    if (*text == '-') {
        text = read_bytes(text + 1, &number);
        if (!text || *text) return 0;
        if (!number || !size) return -1;
        *range = (HedonRange){number < size ? size - number : 0, size - 1};
        return 1;
    }
    text = read_bytes(text, &range->first);
    if (!text || *text++ != '-') return 0;
    range->last = size - 1;
    if (*text) {
        text = read_bytes(text, &number);
        if (!text || *text || number < range->first) return 0;
        if (number < range->last) range->last = number;
    }
    return range->first < size ? 1 : -1;
}
