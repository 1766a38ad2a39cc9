#include "store/text.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/memory.h"

void hedon_text_add(HedonText *text, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    const int length = vsnprintf(NULL, 0, format, args);
    char *grown = length < 0 || text->failed
                      ? NULL
                      : hedon_realloc(text->bytes, text->size + (size_t)length + 1, 1);
    if (grown) {
        vsnprintf(grown + text->size, (size_t)length + 1, format, again);
        text->bytes = grown;
        text->size += (size_t)length;
    } else {
        text->failed = 1;
    }
    va_end(again);
    va_end(args);
}
