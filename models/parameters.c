/* Matching a file's tensors with the parameters that a model's graph declares: all of them, no
 * others, of the right shapes; what is wrong is listed, never skipped in silence. */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "models/model_private.h"

enum { NAME_ROOM = 1100 };

/* "3 missing: a, b, c": as many as a message holds, and the count. */
typedef struct Complaint {
    char text[10000];
    size_t used;
    int64_t count;
    int full;
} Complaint;

HEDON_PRINTF(2, 3) static void complain(Complaint *complaint, const char *fmt, ...)
{
    complaint->count++;
    if (complaint->full) return;
    const size_t room = sizeof(complaint->text) - complaint->used;
    va_list args;
    va_start(args, fmt);
    const int separator =
        snprintf(complaint->text + complaint->used, room, "%s", complaint->used ? ", " : "");
    const int length = vsnprintf(complaint->text + complaint->used + separator,
                                 room - (size_t)separator, fmt, args);
    va_end(args);
    if (length + separator < (int)room)
        complaint->used += (size_t)(length + separator);
    else
        complaint->text[complaint->used] = 0; /* no room: from now on only counted */
    complaint->full = length + separator >= (int)room;
}

static void shape_text(char text[96], const HedonShape *shape)
{
    size_t used = 0;
    if (shape->rank == 0) snprintf(text, 96, "one number");
    for (int i = 0; i < shape->rank && used < 70; i++)
        used += (size_t)snprintf(text + used, 96 - used, "%s%lld", i ? "x" : "",
                                 (long long)shape->dim[i]);
}

static int same_shape(const HedonShape *a, const HedonShape *b)
{
    if (a->rank != b->rank) return 0;
    for (int i = 0; i < a->rank; i++)
        if (a->dim[i] != b->dim[i]) return 0;
    return 1;
}

/* The name a file keeps a parameter under: head.NAME.weight is CLASSIFIER.weight in a state dict.
 */
static const char *stored_name(char room[NAME_ROOM], const char *name, const char *classifier)
{
    const char *last = strrchr(name, '.');
    if (!classifier || strncmp(name, "head.", 5) || !last) return name;
    snprintf(room, NAME_ROOM, "%s%s", classifier, last);
    return room;
}

/* Counters that torch keeps for training and inference never reads. */
static int is_ignored(const char *name)
{
    static const char suffix[] = ".num_batches_tracked";
    const size_t length = strlen(name), tail = sizeof(suffix) - 1;
    return length >= tail && !strcmp(name + length - tail, suffix);
}

static int report(HedonContext *ctx, const Complaint *missing, const Complaint *misshapen,
                  const Complaint *extra)
{
    const struct {
        const Complaint *complaint;
        const char *what;
    } kinds[] = {
        {missing, "missing"}, {misshapen, "of the wrong kind or shape"}, {extra, "not expected"}};
    char text[16000] = "";
    size_t used = 0;
    for (int i = 0; i < 3; i++) {
        const Complaint *complaint = kinds[i].complaint;
        if (!complaint->count) continue;
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%lld tensor%s %s: %s%s",
                                 used ? "; " : "", (long long)complaint->count,
                                 complaint->count == 1 ? "" : "s", kinds[i].what, complaint->text,
                                 complaint->full ? ", ..." : "");
        if (used >= sizeof(text)) break;
    }
    return used ? hedon_fail(ctx, HEDON_EDATA, "%s", text) : 0;
}

static void compare(Complaint *misshapen, const char *name, const HedonStoredTensor *stored,
                    const HedonShape *wanted)
{
    char is_text[96], wanted_text[96];
    if (!hedon_stored_is_float(stored)) {
        complain(misshapen, "%.60s is %s", name, hedon_dtype_name(stored->dtype));
    } else if (!same_shape(&stored->shape, wanted)) {
        shape_text(is_text, &stored->shape);
        shape_text(wanted_text, wanted);
        complain(misshapen, "%.60s is %s, not %s", name, is_text, wanted_text);
    }
}

/* Both ways: every parameter has its tensor, every tensor its parameter. */
static int check_tensors(HedonContext *ctx, const HedonModel *model,
                         const HedonTensorSource *source, const char *classifier)
{
    unsigned char *used = hedon_calloc((size_t)source->count, 1);
    if (!used) return hedon_fail_memory(ctx);
    Complaint missing = {0}, misshapen = {0}, extra = {0};
    char room[NAME_ROOM];
    for (int i = 0; i < model->parameter_count; i++) {
        const HedonParameter *parameter = &model->parameters[i];
        const char *name = stored_name(room, parameter->name, classifier);
        const HedonStoredTensor *stored = hedon_tensor_source_find(source, name);
        if (!stored) {
            complain(&missing, "%.60s", name);
            continue;
        }
        used[stored - source->tensors] = 1;
        compare(&misshapen, name, stored, &parameter->values.shape);
    }
    for (int64_t i = 0; i < source->count; i++)
        if (!used[i] && !is_ignored(source->tensors[i].name))
            complain(&extra, "%.60s", source->tensors[i].name);
    hedon_free(used);
    return report(ctx, &missing, &misshapen, &extra);
}

static int take(HedonContext *ctx, HedonModel *model, int i, const HedonTensorSource *source,
                const HedonStoredTensor *stored)
{
    HedonParameter *parameter = &model->parameters[i];
    if (stored->dtype == HEDON_F16) parameter->stored = HEDON_F16;
    if (stored->data && stored->dtype == HEDON_F32 &&
        (uintptr_t)stored->data % sizeof(float) == 0) {
        parameter->values.data = (void *)stored->data; /* read only, like the mapping */
        parameter->borrowed = 1;
        return 0;
    }
    const int code = hedon_model_allocate(ctx, model, i);
    if (code) return code;
    if (!stored->data)
        return source->fetch(ctx, source->opaque, stored - source->tensors, parameter->values.data);
    hedon_stored_to_float(stored, parameter->values.data);
    return 0;
}

int hedon_model_take_tensors(HedonContext *ctx, HedonModel *model, const HedonTensorSource *source,
                             const char *classifier)
{
    int code = check_tensors(ctx, model, source, classifier);
    char room[NAME_ROOM];
    for (int i = 0; i < model->parameter_count && !code; i++)
        code = take(ctx, model, i, source,
                    hedon_tensor_source_find(
                        source, stored_name(room, model->parameters[i].name, classifier)));
    return code;
}
