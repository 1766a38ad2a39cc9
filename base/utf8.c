#include "base/utf8.h"

#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd"

int hedon_utf8_length(const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    if (s[0] < 0x80) return s[0] ? 1 : 0;
    const int length = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (s[0] < 0xc2 || s[0] > 0xf4) return 0;
    for (int i = 1; i < length; i++)
        if ((s[i] & 0xc0) != 0x80) return 0;
    if (s[0] == 0xe0 && s[1] < 0xa0) return 0; /* overlong */
    if (s[0] == 0xed && s[1] > 0x9f) return 0; /* surrogates */
    if (s[0] == 0xf0 && s[1] < 0x90) return 0; /* overlong */
    if (s[0] == 0xf4 && s[1] > 0x8f) return 0; /* past U+10FFFF */
    return length;
}

void hedon_utf8_clean(char *out, size_t size, const char *text)
{
    size_t used = 0;
    while (*text) {
        const int length = hedon_utf8_length(text);
        const int control = length == 1 && ((unsigned char)*text < 0x20 || *text == 0x7f);
        const char *piece = length ? control ? "?" : text : REPLACEMENT;
        const size_t bytes = length ? (size_t)length : strlen(REPLACEMENT);
        if (used + bytes + 1 > size) break;
        memcpy(out + used, piece, bytes);
        used += bytes;
        text += length ? length : 1;
    }
    out[used] = 0;
}
