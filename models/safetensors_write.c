/* Writing safetensors: the header's JSON, padded with spaces so that the data is aligned to 64
 * bytes (a mapped float32 file is then used in place), then the tensors, the wider type first so
 * that each is aligned to its own size. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "models/half.h"
#include "models/safetensors.h"

enum { LENGTH_BYTES = 8, ALIGNMENT = 64, CHUNK = 8192 };

static const struct {
    HedonDtype dtype;
    const char *name;
} types[] = {{HEDON_F32, "F32"}, {HEDON_F16, "F16"}};
enum { TYPES = 2 };

/* Append the entry of one tensor; 0, or -1 when memory is out. */
static int add_entry(json_t *header, const HedonTensorToStore *tensor, const char *type,
                     json_int_t *offset)
{
    const HedonShape *shape = &tensor->values->shape;
    const json_int_t begin = *offset;
    *offset += hedon_shape_count(shape) * (json_int_t)hedon_dtype_size(tensor->stored);
    int failed = 0;
    json_t *dims = json_array();
    for (int d = 0; d < shape->rank; d++)
        failed |= json_array_append_new(dims, json_integer(shape->dim[d]));
    json_t *entry = json_pack("{s:s, s:o, s:[I,I]}", "dtype", type, "shape", dims, "data_offsets",
                              begin, *offset);
    return json_object_set_new(header, tensor->name, entry) | failed;
}

static json_t *header_of(const HedonTensorToStore *tensors, int64_t tensor_count,
                         const HedonStoredText *metadata, int64_t metadata_count)
{
    json_t *header = json_object();
    int failed = !header;
    if (metadata_count && !failed) {
        json_t *texts = json_object();
        for (int64_t i = 0; i < metadata_count; i++)
            failed |= json_object_set_new(texts, metadata[i].key, json_string(metadata[i].value));
        failed |= json_object_set_new(header, "__metadata__", texts);
    }
    json_int_t offset = 0;
    for (int t = 0; t < TYPES && !failed; t++)
        for (int64_t i = 0; i < tensor_count && !failed; i++)
            if (tensors[i].stored == types[t].dtype)
                failed = add_entry(header, &tensors[i], types[t].name, &offset);
    if (!failed) return header;
    json_decref(header);
    return NULL;
}

static void write_header(FILE *stream, const char *text)
{
    const size_t length = strlen(text);
    const size_t padded =
        (LENGTH_BYTES + length + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT - LENGTH_BYTES;
    for (int i = 0; i < LENGTH_BYTES; i++) fputc((int)(padded >> 8 * i & 0xff), stream);
    fwrite(text, 1, length, stream);
    for (size_t i = length; i < padded; i++) fputc(' ', stream);
}

static void write_halves(FILE *stream, const float *values, size_t count)
{
    uint16_t halves[CHUNK];
    for (size_t done = 0; done < count;) {
        const size_t part = count - done < CHUNK ? count - done : CHUNK;
        for (size_t i = 0; i < part; i++) halves[i] = hedon_f16_from_float(values[done + i]);
        fwrite(halves, sizeof(*halves), part, stream);
        done += part;
    }
}

int hedon_safetensors_write(HedonContext *ctx, FILE *stream, const HedonTensorToStore *tensors,
                            int64_t tensor_count, const HedonStoredText *metadata,
                            int64_t metadata_count)
{
    json_t *header = header_of(tensors, tensor_count, metadata, metadata_count);
    char *text = header ? json_dumps(header, JSON_COMPACT) : NULL;
    json_decref(header);
    if (!text) return hedon_fail_memory(ctx);
    write_header(stream, text);
    free(text);
    for (int t = 0; t < TYPES; t++)
        for (int64_t i = 0; i < tensor_count; i++) {
            if (tensors[i].stored != types[t].dtype) continue;
            const size_t count = (size_t)hedon_shape_count(&tensors[i].values->shape);
            if (tensors[i].stored == HEDON_F16)
                write_halves(stream, tensors[i].values->data, count);
            else
                fwrite(tensors[i].values->data, sizeof(float), count, stream);
        }
    return ferror(stream) ? hedon_fail_errno(ctx, "cannot write the tensors") : 0;
}
