/* Parameters and columns. */
#include <math.h>
#include <string.h>

#include "store/backend.h"

HedonValue hedon_value_integer(int64_t integer)
{
    return (HedonValue){.kind = HEDON_VALUE_INTEGER, .integer = integer};
}

HedonValue hedon_value_real(double real)
{
    return (HedonValue){.kind = HEDON_VALUE_REAL, .real = real, .null = !isfinite(real)};
}

HedonValue hedon_value_text(const char *text)
{
    return (HedonValue){
        .kind = HEDON_VALUE_TEXT, .bytes = text, .size = text ? strlen(text) : 0, .null = !text};
}

HedonValue hedon_value_blob(const void *bytes, size_t size)
{
    return (HedonValue){.kind = HEDON_VALUE_BLOB, .bytes = bytes, .size = size, .null = !bytes};
}

int64_t hedon_integer_of(const HedonValue *value)
{
    return value->null || value->kind != HEDON_VALUE_INTEGER ? 0 : value->integer;
}

double hedon_real_of(const HedonValue *value)
{
    if (value->null) return 0;
    if (value->kind == HEDON_VALUE_INTEGER) return (double)value->integer;
    return value->kind == HEDON_VALUE_REAL ? value->real : 0;
}

const char *hedon_text_of(const HedonValue *value)
{
    return value->null || value->kind != HEDON_VALUE_TEXT ? NULL : value->bytes;
}
