#include "store/path.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"

static const char prefix[] = "file:";

static int is_text(const char *path)
{
    if (!strncmp(path, prefix, strlen(prefix))) return 0;
    for (int length; *path; path += length)
        if (!(length = hedon_utf8_length(path))) return 0;
    return 1;
}

const char *hedon_path_text(const char *path, char **made)
{
    *made = NULL;
    if (is_text(path)) return path;
    char *out = *made = hedon_malloc(strlen(path) + 2, 3);
    if (!out) return NULL;
    out = stpcpy(out, prefix);
    while (*path) {
        const int length = *path == '%' ? 0 : hedon_utf8_length(path);
        if (length)
            out = mempcpy(out, path, (size_t)length);
        else
            out += sprintf(out, "%%%02X", (unsigned char)*path);
        path += length ? length : 1;
    }
    *out = 0;
    return *made;
}

static int hexadecimal(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

char *hedon_path_of_text(const char *text)
{
    char *path = hedon_strdup(text), *out = path;
    if (!path || strncmp(text, prefix, strlen(prefix))) return path;
    for (text += strlen(prefix); *text;) {
        const int high = text[0] == '%' ? hexadecimal(text[1]) : -1;
        const int low = high >= 0 ? hexadecimal(text[2]) : -1;
        *out++ = low >= 0 && high + low ? (char)(high * 16 + low) : *text;
        text += low >= 0 && high + low ? 3 : 1;
    }
    *out = 0;
    return path;
}
