#include "train/resume.h"

#include <stdlib.h>
#include <string.h>

#include "base/atomic_file.h"
#include "base/crc32c.h"
#include "base/error.h"
#include "models/json.h"

static const char magic[] = "hedon.state/1\n";
enum { MAGIC = sizeof(magic) - 1, LENGTH = 8, CRC = 4 };

/* ---- Writing */

typedef struct Writer {
    FILE *stream;
    uint32_t crc;
} Writer;

static void put(Writer *writer, const void *bytes, size_t size)
{
    writer->crc = hedon_crc32c(writer->crc, bytes, size);
    fwrite(bytes, 1, size, writer->stream);
}

static void put_little(Writer *writer, uint64_t value, int bytes)
{
    uint8_t text[8];
    for (int i = 0; i < bytes; i++) text[i] = (uint8_t)(value >> 8 * i);
    put(writer, text, (size_t)bytes);
}

static size_t tensor_bytes(const HedonTensor *tensor)
{
    return (size_t)hedon_shape_count(&tensor->shape) * hedon_dtype_size(tensor->dtype);
}

static json_t *entry_of(const HedonStateTensor *tensor, int64_t offset)
{
    json_t *shape = json_array();
    for (int d = 0; d < tensor->values.shape.rank; d++)
        json_array_append_new(shape, json_integer(tensor->values.shape.dim[d]));
    return json_pack("{s:s, s:o, s:I}", "dtype", hedon_dtype_name(tensor->values.dtype), "shape",
                     shape, "offset", (json_int_t)offset);
}

/* The document's list of tensors: one pass over them for their shapes, a second for their bytes. */
static int list_tensors(HedonContext *ctx, json_t *document, int64_t tensors,
                        HedonStateSource source, void *opaque)
{
    json_t *list = json_object();
    int64_t offset = 0;
    int code = json_object_set_new(document, "tensors", list) ? hedon_fail_memory(ctx) : 0;
    for (int64_t i = 0; i < tensors && !code; i++) {
        HedonStateTensor tensor;
        code = source(ctx, opaque, i, &tensor);
        if (!code && json_object_set_new(list, tensor.name, entry_of(&tensor, offset)))
            code = hedon_fail_memory(ctx);
        if (!code) offset += (int64_t)tensor_bytes(&tensor.values);
    }
    return code;
}

static int write_all(HedonContext *ctx, Writer *writer, json_t *document, int64_t tensors,
                     HedonStateSource source, void *opaque)
{
    int code = list_tensors(ctx, document, tensors, source, opaque);
    if (code) return code;
    char *text = json_dumps(document, JSON_COMPACT | JSON_REAL_PRECISION(17));
    if (!text) return hedon_fail_memory(ctx);
    put(writer, magic, MAGIC);
    put_little(writer, strlen(text), LENGTH);
    put(writer, text, strlen(text));
    free(text);
    for (int64_t i = 0; i < tensors && !code; i++) {
        HedonStateTensor tensor;
        code = source(ctx, opaque, i, &tensor);
        if (!code) put(writer, tensor.values.data, tensor_bytes(&tensor.values));
    }
    put_little(writer, writer->crc, CRC);
    return code;
}

int hedon_resume_write(HedonContext *ctx, const char *path, json_t *document, int64_t tensors,
                       HedonStateSource source, void *opaque)
{
    HedonAtomicFile *file;
    int code = hedon_atomic_open(ctx, &file, path);
    if (code) return code;
    Writer writer = {.stream = hedon_atomic_stream(file)};
    code = write_all(ctx, &writer, document, tensors, source, opaque);
    if (!code) return hedon_atomic_commit(ctx, file);
    hedon_atomic_abort(file);
    return code;
}

/* ---- Reading */

static uint64_t little(const uint8_t *bytes, int count)
{
    uint64_t value = 0;
    for (int i = 0; i < count; i++) value |= (uint64_t)bytes[i] << 8 * i;
    return value;
}

int hedon_resume_open(HedonContext *ctx, HedonResume *out, const char *path)
{
    *out = (HedonResume){0};
    int code = hedon_mapped_open(ctx, &out->file, path);
    if (code) return code;
    const uint8_t *data = out->file.data;
    const size_t size = out->file.size;
    if (size < MAGIC + LENGTH + CRC || memcmp(data, magic, MAGIC)) {
        code = hedon_fail(ctx, HEDON_EDATA, "is not a training state of this hedon");
    } else if (hedon_crc32c(0, data, size - CRC) != little(data + size - CRC, CRC)) {
        code = hedon_fail(ctx, HEDON_EDATA, "is damaged: its checksum does not fit");
    } else {
        const uint64_t length = little(data + MAGIC, LENGTH);
        json_error_t reason;
        if (length > size - MAGIC - LENGTH - CRC)
            code = hedon_fail(ctx, HEDON_EDATA, "is damaged: its document is cut off");
        else if (!(out->document =
                       json_loadb((const char *)data + MAGIC + LENGTH, (size_t)length, 0, &reason)))
            code = hedon_fail_json(ctx, &reason, "the training state's document");
        else
            out->data = data + MAGIC + LENGTH + length;
    }
    if (code) hedon_resume_close(out);
    return code;
}

static int fits(const json_t *entry, const HedonTensor *tensor)
{
    const char *dtype = json_string_value(json_object_get(entry, "dtype"));
    const json_t *shape = json_object_get(entry, "shape");
    int same = dtype && !strcmp(dtype, hedon_dtype_name(tensor->dtype)) &&
               (int)json_array_size(shape) == tensor->shape.rank;
    for (int d = 0; d < tensor->shape.rank && same; d++)
        same = json_integer_value(json_array_get(shape, (size_t)d)) == tensor->shape.dim[d];
    return same;
}

int hedon_resume_has(const HedonResume *resume, const char *name)
{
    return json_object_get(json_object_get(resume->document, "tensors"), name) != NULL;
}

int hedon_resume_read(HedonContext *ctx, const HedonResume *resume, const char *name,
                      HedonTensor *out)
{
    const json_t *entry = json_object_get(json_object_get(resume->document, "tensors"), name);
    if (!entry) return hedon_fail(ctx, HEDON_EDATA, "the training state has no %.120s", name);
    if (!fits(entry, out))
        return hedon_fail(ctx, HEDON_EDATA, "%.120s in the training state is of another shape",
                          name);
    const json_int_t offset = json_integer_value(json_object_get(entry, "offset"));
    const size_t bytes = tensor_bytes(out);
    const size_t room =
        out->data ? (size_t)(resume->file.data + resume->file.size - CRC - resume->data) : 0;
    if (offset < 0 || (size_t)offset > room || bytes > room - (size_t)offset)
        return hedon_fail(ctx, HEDON_EDATA, "the training state is cut off at %.120s", name);
    memcpy(out->data, resume->data + offset, bytes);
    return 0;
}

void hedon_resume_close(HedonResume *resume)
{
    json_decref(resume->document);
    hedon_mapped_close(&resume->file);
    *resume = (HedonResume){0};
}
