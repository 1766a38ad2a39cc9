/* UTF-8: what of foreign bytes is, and text for a terminal. */
#ifndef HEDON_BASE_UTF8_H
#define HEDON_BASE_UTF8_H

#include <stddef.h>

/** The length in bytes of the UTF-8 character at text, 0 when the bytes are not one. */
int hedon_utf8_length(const char *text);
/** text with what is not UTF-8 replaced by U+FFFD, and control characters by '?'; for one line on a
 *  terminal. out has room for size bytes, the terminating zero included. */
void hedon_utf8_clean(char *out, size_t size, const char *text);

#endif
