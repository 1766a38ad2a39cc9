/* NumPy's .npy: "\x93NUMPY", version, length, a Python dict as text, then the elements.
 * https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html. The dict is read by a
 * small scanner for exactly the three keys that NumPy writes, not by a Python parser. */
#include "base/npy.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/mapped_file.h"

enum { PREFIX = 10, ALIGNMENT = 64, HEADER_LIMIT = 4096 };
static const char magic[6] = "\x93NUMPY";

static const struct {
    const char *descr;
    HedonDtype dtype;
} types[] = {
    {"<f4", HEDON_F32}, {"<f8", HEDON_F64}, {"<f2", HEDON_F16},
    {"<i8", HEDON_I64}, {"<i4", HEDON_I32}, {"|u1", HEDON_U8},
};
enum { TYPES = sizeof(types) / sizeof(types[0]) };

/* The text after 'KEY': in the dict; NULL when it is not there. */
static const char *value_of(const char *header, const char *key)
{
    char quoted[32];
    snprintf(quoted, sizeof(quoted), "'%s':", key);
    const char *found = strstr(header, quoted);
    if (!found) return NULL;
    found += strlen(quoted);
    while (*found == ' ') found++;
    return found;
}

static int parse_type(HedonContext *ctx, const char *text, HedonDtype *dtype)
{
    const size_t length = text ? strcspn(text + (*text == '\''), "'") : 0;
    if (!text || *text != '\'' || length > 8)
        return hedon_fail(ctx, HEDON_EDATA, "damaged .npy file: it names no plain element type");
    for (int i = 0; i < TYPES; i++)
        if (strlen(types[i].descr) == length && !strncmp(text + 1, types[i].descr, length)) {
            *dtype = types[i].dtype;
            return 0;
        }
    return hedon_fail(ctx, HEDON_EDATA,
                      "the array's element type is %.*s: convert it, for instance with "
                      "array.astype('<f4')",
                      (int)length, text + 1);
}

/* "(2, 3, )": counts with commas between and perhaps after them. */
static int parse_shape(HedonContext *ctx, const char *text, HedonShape *shape)
{
    const int code = HEDON_EDATA;
    if (!text || *text++ != '(') return hedon_fail(ctx, code, "damaged .npy file: it has no shape");
    for (shape->rank = 0;;) {
        while (*text == ' ') text++;
        if (*text == ')') break;
        char *end;
        if (!isdigit((unsigned char)*text))
            return hedon_fail(ctx, code, "damaged .npy file: its shape is no list of counts");
        if (shape->rank == HEDON_MAX_RANK)
            return hedon_fail(ctx, code, "the array has more than %d dimensions", HEDON_MAX_RANK);
        shape->dim[shape->rank++] =
            strtoll(text, &end, 10); /* overflow saturates: too large below */
        for (text = end; *text == ' ';) text++;
        if (*text == ',')
            text++;
        else if (*text != ')')
            return hedon_fail(ctx, code, "damaged .npy file: its shape is no list of counts");
    }
    return 0;
}

static int parse_header(HedonContext *ctx, const char *header, HedonDtype *dtype, HedonShape *shape)
{
    const char *order = value_of(header, "fortran_order");
    int code = parse_type(ctx, value_of(header, "descr"), dtype);
    if (!code) code = parse_shape(ctx, value_of(header, "shape"), shape);
    if (!code && (!order || strncmp(order, "False", 5)))
        code = hedon_fail(ctx, HEDON_EDATA,
                          "the array is in Fortran order: save numpy.ascontiguousarray(array)");
    return code;
}

static int read_mapped(HedonContext *ctx, HedonTensor *out, const HedonMappedFile *file)
{
    const uint8_t *bytes = file->data;
    if (file->size < PREFIX || memcmp(bytes, magic, sizeof(magic)))
        return hedon_fail(ctx, HEDON_EDATA, "not a NumPy .npy file");
    const size_t prefix = bytes[6] == 1 ? PREFIX : PREFIX + 2;
    if (bytes[6] < 1 || bytes[6] > 3 || file->size < prefix)
        return hedon_fail(ctx, HEDON_EDATA,
                          "the .npy file is of a version that hedon does not read");
    size_t length = bytes[8] | (size_t)bytes[9] << 8;
    if (bytes[6] > 1) length |= (size_t)bytes[10] << 16 | (size_t)bytes[11] << 24;
    if (length > file->size - prefix || length >= HEADER_LIMIT)
        return hedon_fail(ctx, HEDON_EDATA, "damaged .npy file: cut off within its header");

    char header[HEADER_LIMIT];
    memcpy(header, bytes + prefix, length);
    header[length] = 0;
    HedonDtype dtype = HEDON_F32;
    HedonShape shape;
    int code = parse_header(ctx, header, &dtype, &shape);
    if (code) return code;
    int64_t size;
    const int64_t count = hedon_shape_count(&shape);
    if (count < 0 || __builtin_mul_overflow(count, (int64_t)hedon_dtype_size(dtype), &size))
        return hedon_fail(ctx, HEDON_EDATA, "damaged .npy file: its shape is impossibly large");
    const size_t there = file->size - prefix - length;
    if ((uint64_t)size != there)
        return hedon_fail(ctx, HEDON_EDATA,
                          "damaged .npy file: its shape asks for %lld bytes, it has %zu",
                          (long long)size, there);
    code = hedon_tensor_alloc(out, dtype, &shape);
    if (code) return hedon_fail_memory(ctx);
    memcpy(out->data, bytes + prefix + length, (size_t)size);
    return 0;
}

int hedon_npy_read(HedonContext *ctx, HedonTensor *out, const char *path)
{
    memset(out, 0, sizeof(*out));
    HedonMappedFile file;
    int code = hedon_mapped_open(ctx, &file, path);
    if (!code) code = read_mapped(ctx, out, &file);
    hedon_mapped_close(&file);
    return code;
}

/* The dict and the spaces that align the elements; returns the whole length. */
static size_t format_header(char room[512], const HedonTensor *tensor, const char *descr)
{
    int used = snprintf(room + PREFIX, 512 - PREFIX,
                        "{'descr': '%s', 'fortran_order': False, 'shape': (", descr);
    for (int i = 0; i < tensor->shape.rank; i++)
        used += snprintf(room + PREFIX + used, (size_t)(512 - PREFIX - used), "%lld,%s",
                         (long long)tensor->shape.dim[i], i + 1 < tensor->shape.rank ? " " : "");
    used += snprintf(room + PREFIX + used, (size_t)(512 - PREFIX - used), "), }");
    const size_t whole = ((size_t)used + PREFIX + 1 + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    memset(room + PREFIX + used, ' ', whole - PREFIX - (size_t)used);
    room[whole - 1] = '\n';
    memcpy(room, magic, sizeof(magic));
    room[6] = 1;
    room[7] = 0;
    room[8] = (char)((whole - PREFIX) & 0xff);
    room[9] = (char)((whole - PREFIX) >> 8);
    return whole;
}

int hedon_npy_write(HedonContext *ctx, const char *path, const HedonTensor *tensor)
{
    const char *descr = NULL;
    for (int i = 0; i < TYPES; i++)
        if (types[i].dtype == tensor->dtype) descr = types[i].descr;
    if (!descr)
        return hedon_fail(ctx, HEDON_EUNSUPPORTED, ".npy files cannot hold %s",
                          hedon_dtype_name(tensor->dtype));
    HedonAtomicFile *file;
    const int code = hedon_atomic_open(ctx, &file, path);
    if (code) return code;
    char header[512];
    FILE *stream = hedon_atomic_stream(file);
    fwrite(header, 1, format_header(header, tensor, descr), stream);
    fwrite(tensor->data, hedon_dtype_size(tensor->dtype), (size_t)hedon_shape_count(&tensor->shape),
           stream);
    return hedon_atomic_commit(ctx, file); /* reports what the stream could not write */
}
