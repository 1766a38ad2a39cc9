/* The pickle machine: bytes, a stack, and the loop over opcodes. It never recurses, so that depth
 * costs nothing; operations, values and memo places are counted. */
#include "models/pickle_private.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"

/* A checkpoint of a few hundred tensors with its optimiser takes some ten thousand of each. */
enum { OPERATION_LIMIT = 4000000, STACK_LIMIT = 1000000 };

int pickle_damaged(const HedonPickleMachine *machine, const char *what)
{
    return hedon_fail(machine->ctx, HEDON_EDATA, "damaged pickle: %s", what);
}

int pickle_too_much(const HedonPickleMachine *machine, const char *what)
{
    return hedon_fail(machine->ctx, HEDON_ELIMIT,
                      "the pickle has more %s than any state dict needs: refused", what);
}

/* ---- Bytes ---------------------------------------------------------------------------------- */

/* size bytes, or NULL with the sentence said. */
const uint8_t *pickle_take(HedonPickleMachine *machine, uint64_t size)
{
    const uint8_t *bytes = machine->at;
    if (size > (uint64_t)(machine->end - machine->at)) {
        pickle_damaged(machine, "cut off");
        return NULL;
    }
    machine->at += size;
    return bytes;
}

uint64_t pickle_little_endian(const uint8_t *bytes, int size)
{
    uint64_t value = 0;
    for (int i = size - 1; i >= 0; i--) value = value << 8 | bytes[i];
    return value;
}

int pickle_take_number(HedonPickleMachine *machine, int size, uint64_t *value)
{
    const uint8_t *bytes = pickle_take(machine, (uint64_t)size);
    if (!bytes) return HEDON_EDATA;
    *value = pickle_little_endian(bytes, size);
    return 0;
}

/* A line of text for a message or a lookup: cut off at PICKLE_NAME_ROOM, what is not ASCII as '?'.
 */
int pickle_take_line(HedonPickleMachine *machine, char line[PICKLE_NAME_ROOM])
{
    const uint8_t *end = memchr(machine->at, '\n', (size_t)(machine->end - machine->at));
    if (!end) return pickle_damaged(machine, "cut off");
    size_t length = 0;
    for (; machine->at < end; machine->at++)
        if (length < PICKLE_NAME_ROOM - 1)
            line[length++] = *machine->at > 0x20 && *machine->at < 0x7f ? (char)*machine->at : '?';
    line[length] = 0;
    machine->at = end + 1;
    return 0;
}

/* ---- Stack ---------------------------------------------------------------------------------- */

HedonPickleValue *pickle_new_value(HedonPickleMachine *machine, HedonPickleKind kind)
{
    if (++machine->values > PICKLE_VALUE_LIMIT) {
        pickle_too_much(machine, "values");
        return NULL;
    }
    HedonPickleValue *value = hedon_arena_alloc(machine->arena, 1, sizeof(*value));
    if (value)
        value->kind = kind;
    else
        hedon_fail_memory(machine->ctx);
    return value;
}

/* What new_value has said, as a code. */
int pickle_no_value(const HedonPickleMachine *machine)
{
    return machine->values > PICKLE_VALUE_LIMIT ? HEDON_ELIMIT : HEDON_ENOMEM;
}

int pickle_push(HedonPickleMachine *machine, HedonPickleValue *value)
{
    if (!value) return pickle_no_value(machine);
    if (machine->depth == machine->room) {
        if (machine->depth >= STACK_LIMIT) return pickle_too_much(machine, "values on its stack");
        const int64_t room = machine->room ? 2 * machine->room : 256;
        HedonPickleValue **grown = hedon_realloc(machine->stack, (size_t)room, sizeof(*grown));
        if (!grown) return hedon_fail_memory(machine->ctx);
        machine->stack = grown;
        machine->room = room;
    }
    machine->stack[machine->depth++] = value;
    return 0;
}

HedonPickleValue *pickle_top(const HedonPickleMachine *machine)
{
    HedonPickleValue *value = machine->depth ? machine->stack[machine->depth - 1] : NULL;
    return value && value->kind != HEDON_PICKLE_MARK ? value : NULL;
}

/* NULL when there is nothing to take. */
HedonPickleValue *pickle_pop(HedonPickleMachine *machine)
{
    HedonPickleValue *value = pickle_top(machine);
    if (value) machine->depth--;
    return value;
}

int pickle_empty_stack(const HedonPickleMachine *machine)
{
    return pickle_damaged(machine, "an operation finds nothing on the stack");
}

/* Take everything down to the last mark, and the mark: items stay readable until the next push. */
int pickle_pop_mark(HedonPickleMachine *machine, HedonPickleValue ***items, int64_t *count)
{
    int64_t mark = machine->depth - 1;
    *items = NULL;
    *count = 0;
    while (mark >= 0 && machine->stack[mark]->kind != HEDON_PICKLE_MARK) mark--;
    if (mark < 0) return pickle_damaged(machine, "an operation finds no mark on the stack");
    *items = machine->stack + mark + 1;
    *count = machine->depth - mark - 1;
    machine->depth = mark;
    return 0;
}

int pickle_append(HedonPickleMachine *machine, HedonPickleValue *list,
                  HedonPickleValue *const *items, int64_t count)
{
    if (list->count + count > list->room) {
        const int64_t room = 2 * list->count + count;
        HedonPickleValue **grown = hedon_arena_alloc(machine->arena, (size_t)room, sizeof(*grown));
        if (!grown) return hedon_fail_memory(machine->ctx);
        if (list->count) memcpy(grown, list->items, (size_t)list->count * sizeof(*grown));
        list->items = grown;
        list->room = room;
    }
    if (count) memcpy(list->items + list->count, items, (size_t)count * sizeof(*items));
    list->count += count;
    return 0;
}

/* ---- The loop
 * ---------------------------------------------------------------------------------------- */

static int run(HedonPickleMachine *machine)
{
    while (!machine->stopped) {
        if (++machine->operations > OPERATION_LIMIT) return pickle_too_much(machine, "operations");
        const uint8_t *opcode = pickle_take(machine, 1);
        if (!opcode) return HEDON_EDATA;
        if (!hedon_pickle_operations[*opcode])
            return hedon_fail(machine->ctx, HEDON_EDATA,
                              "refuses the pickle opcode 0x%02x: " PICKLE_ADVICE, *opcode);
        const int code = hedon_pickle_operations[*opcode](machine);
        if (code) return code;
    }
    return 0;
}

int hedon_pickle_read(HedonContext *ctx, HedonArena *arena, const HedonPickleRules *rules,
                      const uint8_t *bytes, size_t size, size_t *used, HedonPickleValue **out)
{
    HedonPickleMachine machine = {
        .ctx = ctx, .arena = arena, .rules = rules, .at = bytes, .end = bytes + size};
    const int code = run(&machine);
    *out = code ? NULL : pickle_top(&machine);
    if (used) *used = (size_t)(machine.at - bytes);
    hedon_free(machine.stack);
    hedon_free(machine.memo);
    return code;
}

int hedon_pickle_is_text(const HedonPickleValue *value, const char *expected)
{
    return value->kind == HEDON_PICKLE_TEXT && (size_t)value->length == strlen(expected) &&
           !memcmp(value->text, expected, (size_t)value->length);
}
