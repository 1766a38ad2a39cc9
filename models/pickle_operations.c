/* One small function for each opcode, and their table. */
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "models/pickle_private.h"

/* ---- Numbers and text ----------------------------------------------------------------------- */

static int op_none(HedonPickleMachine *machine)
{
    return pickle_push(machine, pickle_new_value(machine, HEDON_PICKLE_NONE));
}

static int push_integer(HedonPickleMachine *machine, HedonPickleKind kind, int64_t integer)
{
    HedonPickleValue *value = pickle_new_value(machine, kind);
    if (value) value->integer = integer;
    return pickle_push(machine, value);
}

static int op_true(HedonPickleMachine *machine)
{
    return push_integer(machine, HEDON_PICKLE_BOOL, 1);
}

static int op_false(HedonPickleMachine *machine)
{
    return push_integer(machine, HEDON_PICKLE_BOOL, 0);
}

static int unsigned_integer(HedonPickleMachine *machine, int size)
{
    uint64_t number;
    const int code = pickle_take_number(machine, size, &number);
    return code ? code : push_integer(machine, HEDON_PICKLE_INT, (int64_t)number);
}

static int op_int1(HedonPickleMachine *machine)
{
    return unsigned_integer(machine, 1);
}

static int op_int2(HedonPickleMachine *machine)
{
    return unsigned_integer(machine, 2);
}

static int op_int4(HedonPickleMachine *machine)
{
    uint64_t number;
    const int code = pickle_take_number(machine, 4, &number);
    return code ? code : push_integer(machine, HEDON_PICKLE_INT, (int32_t)(uint32_t)number);
}

/* Two's complement, little-endian, of any length. */
static int long_integer(HedonPickleMachine *machine, int length_size)
{
    uint64_t length;
    const int code = pickle_take_number(machine, length_size, &length);
    if (code) return code;
    const uint8_t *bytes = pickle_take(machine, length);
    if (!bytes) return HEDON_EDATA;
    const int negative = length && bytes[length - 1] & 0x80;
    if (length <= 8) {
        uint64_t number = pickle_little_endian(bytes, (int)length);
        if (negative && length < 8) number |= ~UINT64_C(0) << 8 * length;
        return push_integer(machine, HEDON_PICKLE_INT, (int64_t)number);
    }
    HedonPickleValue *value = pickle_new_value(machine, HEDON_PICKLE_REAL);
    if (!value) return pickle_no_value(machine);
    value->real = negative ? -1 : 0;
    for (uint64_t i = length; i-- > 0;) value->real = value->real * 256 + bytes[i];
    return pickle_push(machine, value);
}

static int op_long1(HedonPickleMachine *machine)
{
    return long_integer(machine, 1);
}

static int op_long4(HedonPickleMachine *machine)
{
    return long_integer(machine, 4);
}

static int op_real(HedonPickleMachine *machine)
{
    const uint8_t *bytes = pickle_take(machine, 8);
    if (!bytes) return HEDON_EDATA;
    uint64_t bits = 0;
    for (int i = 0; i < 8; i++) bits = bits << 8 | bytes[i]; /* the one big-endian opcode */
    HedonPickleValue *value = pickle_new_value(machine, HEDON_PICKLE_REAL);
    if (value) memcpy(&value->real, &bits, sizeof(bits));
    return pickle_push(machine, value);
}

static int text(HedonPickleMachine *machine, HedonPickleKind kind, int length_size)
{
    uint64_t length;
    const int code = pickle_take_number(machine, length_size, &length);
    if (code) return code;
    const uint8_t *bytes = pickle_take(machine, length);
    if (!bytes) return HEDON_EDATA;
    HedonPickleValue *value = pickle_new_value(machine, kind);
    if (!value) return pickle_no_value(machine);
    char *copy = hedon_arena_alloc(machine->arena, (size_t)length + 1, 1);
    if (!copy) return hedon_fail_memory(machine->ctx);
    memcpy(copy, bytes, (size_t)length);
    value->text = copy;
    value->length = (int64_t)length;
    return pickle_push(machine, value);
}

static int op_text1(HedonPickleMachine *machine)
{
    return text(machine, HEDON_PICKLE_TEXT, 1);
}

static int op_text4(HedonPickleMachine *machine)
{
    return text(machine, HEDON_PICKLE_TEXT, 4);
}

static int op_text8(HedonPickleMachine *machine)
{
    return text(machine, HEDON_PICKLE_TEXT, 8);
}

static int op_bytes1(HedonPickleMachine *machine)
{
    return text(machine, HEDON_PICKLE_BYTES, 1);
}

static int op_bytes4(HedonPickleMachine *machine)
{
    return text(machine, HEDON_PICKLE_BYTES, 4);
}

static int op_bytes8(HedonPickleMachine *machine)
{
    return text(machine, HEDON_PICKLE_BYTES, 8);
}

/* ---- Containers ----------------------------------------------------------------------------- */

static int op_mark(HedonPickleMachine *machine)
{
    return pickle_push(machine, pickle_new_value(machine, HEDON_PICKLE_MARK));
}

static int op_pop(HedonPickleMachine *machine)
{
    if (!machine->depth) return pickle_empty_stack(machine);
    machine->depth--;
    return 0;
}

static int op_pop_mark(HedonPickleMachine *machine)
{
    HedonPickleValue **items;
    int64_t count;
    return pickle_pop_mark(machine, &items, &count);
}

static int op_dup(HedonPickleMachine *machine)
{
    HedonPickleValue *value = pickle_top(machine);
    return value ? pickle_push(machine, value) : pickle_empty_stack(machine);
}

static int op_empty_list(HedonPickleMachine *machine)
{
    return pickle_push(machine, pickle_new_value(machine, HEDON_PICKLE_LIST));
}

static int op_empty_dict(HedonPickleMachine *machine)
{
    return pickle_push(machine, pickle_new_value(machine, HEDON_PICKLE_DICT));
}

static int push_items(HedonPickleMachine *machine, HedonPickleKind kind,
                      HedonPickleValue *const *items, int64_t count)
{
    HedonPickleValue *value = pickle_new_value(machine, kind);
    if (!value) return pickle_no_value(machine);
    const int code = pickle_append(machine, value, items, count);
    return code ? code : pickle_push(machine, value);
}

static int items_to_mark(HedonPickleMachine *machine, HedonPickleKind kind)
{
    HedonPickleValue **items;
    int64_t count;
    const int code = pickle_pop_mark(machine, &items, &count);
    if (code) return code;
    if (kind == HEDON_PICKLE_DICT && count % 2)
        return pickle_damaged(machine, "a dict's key has no value");
    return push_items(machine, kind, items, count);
}

static int op_list(HedonPickleMachine *machine)
{
    return items_to_mark(machine, HEDON_PICKLE_LIST);
}

static int op_tuple(HedonPickleMachine *machine)
{
    return items_to_mark(machine, HEDON_PICKLE_TUPLE);
}

static int op_dict(HedonPickleMachine *machine)
{
    return items_to_mark(machine, HEDON_PICKLE_DICT);
}

static int short_tuple(HedonPickleMachine *machine, int count)
{
    for (int i = 0; i < count; i++)
        if (!pickle_pop(machine)) return pickle_empty_stack(machine);
    return push_items(machine, HEDON_PICKLE_TUPLE, machine->stack + machine->depth, count);
}

static int op_empty_tuple(HedonPickleMachine *machine)
{
    return pickle_push(machine, pickle_new_value(machine, HEDON_PICKLE_TUPLE));
}

static int op_tuple1(HedonPickleMachine *machine)
{
    return short_tuple(machine, 1);
}

static int op_tuple2(HedonPickleMachine *machine)
{
    return short_tuple(machine, 2);
}

static int op_tuple3(HedonPickleMachine *machine)
{
    return short_tuple(machine, 3);
}

/* Onto the list or dict below them. */
static int extend(HedonPickleMachine *machine, HedonPickleKind kind, HedonPickleValue *const *items,
                  int64_t count)
{
    HedonPickleValue *container = pickle_top(machine);
    if (!container || container->kind != kind)
        return pickle_damaged(machine, kind == HEDON_PICKLE_DICT ? "items are set on no dict"
                                                                 : "items are appended to no list");
    if (kind == HEDON_PICKLE_DICT && count % 2)
        return pickle_damaged(machine, "a dict's key has no value");
    return pickle_append(machine, container, items, count);
}

static int extend_to_mark(HedonPickleMachine *machine, HedonPickleKind kind)
{
    HedonPickleValue **items;
    int64_t count;
    const int code = pickle_pop_mark(machine, &items, &count);
    return code ? code : extend(machine, kind, items, count);
}

static int op_append(HedonPickleMachine *machine)
{
    HedonPickleValue *item = pickle_pop(machine);
    return item ? extend(machine, HEDON_PICKLE_LIST, &item, 1) : pickle_empty_stack(machine);
}

static int op_appends(HedonPickleMachine *machine)
{
    return extend_to_mark(machine, HEDON_PICKLE_LIST);
}

static int op_set_item(HedonPickleMachine *machine)
{
    HedonPickleValue *item[2];
    item[1] = pickle_pop(machine);
    item[0] = item[1] ? pickle_pop(machine) : NULL;
    return item[0] ? extend(machine, HEDON_PICKLE_DICT, item, 2) : pickle_empty_stack(machine);
}

static int op_set_items(HedonPickleMachine *machine)
{
    return extend_to_mark(machine, HEDON_PICKLE_DICT);
}

/* ---- Memo ----------------------------------------------------------------------------------- */

static int put(HedonPickleMachine *machine, uint64_t place)
{
    HedonPickleValue *value = pickle_top(machine);
    if (!value) return pickle_empty_stack(machine);
    if (place >= PICKLE_VALUE_LIMIT) return pickle_too_much(machine, "memo places");
    if ((int64_t)place >= machine->memo_room) {
        const int64_t room = 2 * (int64_t)place + 64;
        HedonPickleValue **grown = hedon_realloc(machine->memo, (size_t)room, sizeof(*grown));
        if (!grown) return hedon_fail_memory(machine->ctx);
        memset(grown + machine->memo_room, 0, (size_t)(room - machine->memo_room) * sizeof(*grown));
        machine->memo = grown;
        machine->memo_room = room;
    }
    if (!machine->memo[place]) machine->memo_next++; /* MEMOIZE counts what is there */
    machine->memo[place] = value;
    return 0;
}

static int op_put1(HedonPickleMachine *machine)
{
    uint64_t place;
    const int code = pickle_take_number(machine, 1, &place);
    return code ? code : put(machine, place);
}

static int op_put4(HedonPickleMachine *machine)
{
    uint64_t place;
    const int code = pickle_take_number(machine, 4, &place);
    return code ? code : put(machine, place);
}

static int op_memoize(HedonPickleMachine *machine)
{
    return put(machine, (uint64_t)machine->memo_next);
}

static int get(HedonPickleMachine *machine, int size)
{
    uint64_t place;
    const int code = pickle_take_number(machine, size, &place);
    if (code) return code;
    if (place >= (uint64_t)machine->memo_room || !machine->memo[place])
        return pickle_damaged(machine, "a memo place is read before it is written");
    return pickle_push(machine, machine->memo[place]);
}

static int op_get1(HedonPickleMachine *machine)
{
    return get(machine, 1);
}

static int op_get4(HedonPickleMachine *machine)
{
    return get(machine, 4);
}

/* ---- Globals, calls, state ------------------------------------------------------------------ */

static int push_global(HedonPickleMachine *machine, const char *module, const char *name)
{
    const HedonPickleGlobal *global = machine->rules->globals;
    while (global->module && (strcmp(global->module, module) || strcmp(global->name, name)))
        global++;
    if (!global->module)
        return hedon_fail(machine->ctx, HEDON_EDATA, "refuses %.80s.%.80s: " PICKLE_ADVICE, module,
                          name);
    HedonPickleValue *value = pickle_new_value(machine, HEDON_PICKLE_GLOBAL);
    if (value) value->global = global;
    return pickle_push(machine, value);
}

static int op_global(HedonPickleMachine *machine)
{
    char module[PICKLE_NAME_ROOM], name[PICKLE_NAME_ROOM];
    int code = pickle_take_line(machine, module);
    if (!code) code = pickle_take_line(machine, name);
    return code ? code : push_global(machine, module, name);
}

/* Text for a lookup or a message, as take_line makes it. */
static void copy_name(char name[PICKLE_NAME_ROOM], const HedonPickleValue *value)
{
    int64_t length = 0;
    for (; length < value->length && length < PICKLE_NAME_ROOM - 1; length++) {
        const char c = value->text[length];
        name[length] = c > 0x20 && c < 0x7f ? c : '?';
    }
    name[length] = 0;
}

static int op_stack_global(HedonPickleMachine *machine)
{
    const HedonPickleValue *name = pickle_pop(machine), *module = name ? pickle_pop(machine) : NULL;
    if (!module) return pickle_empty_stack(machine);
    if (name->kind != HEDON_PICKLE_TEXT || module->kind != HEDON_PICKLE_TEXT)
        return pickle_damaged(machine, "a global's name is no text");
    char module_text[PICKLE_NAME_ROOM], name_text[PICKLE_NAME_ROOM];
    copy_name(module_text, module);
    copy_name(name_text, name);
    return push_global(machine, module_text, name_text);
}

static int call(HedonPickleMachine *machine, const HedonPickleValue *function,
                const HedonPickleValue *arguments)
{
    if (!function || !arguments) return pickle_empty_stack(machine);
    if (function->kind != HEDON_PICKLE_GLOBAL || arguments->kind != HEDON_PICKLE_TUPLE)
        return pickle_damaged(machine, "something is called that is no function");
    if (!function->global->call)
        return hedon_fail(machine->ctx, HEDON_EDATA, "refuses to call %s.%s: " PICKLE_ADVICE,
                          function->global->module, function->global->name);
    HedonPickleValue *result = pickle_new_value(machine, HEDON_PICKLE_NONE);
    if (!result) return pickle_no_value(machine);
    const int code = function->global->call(machine->ctx, machine->arena, arguments, result);
    return code ? code : pickle_push(machine, result);
}

static int op_reduce(HedonPickleMachine *machine)
{
    const HedonPickleValue *arguments = pickle_pop(machine),
                           *function = arguments ? pickle_pop(machine) : NULL;
    return call(machine, function, arguments);
}

/* Protocol 2's cls.__new__(cls, *args, **kwargs): no class that is known takes keywords. */
static int op_new_object_keywords(HedonPickleMachine *machine)
{
    const HedonPickleValue *keywords = pickle_pop(machine);
    if (!keywords) return pickle_empty_stack(machine);
    if (keywords->kind != HEDON_PICKLE_DICT || keywords->count)
        return pickle_damaged(machine, "an object is made with keywords");
    return op_reduce(machine);
}

/* Protocol 1's way: the class and its arguments between a mark and here. */
static int op_object(HedonPickleMachine *machine)
{
    HedonPickleValue **items;
    int64_t count;
    int code = pickle_pop_mark(machine, &items, &count);
    if (code) return code;
    if (!count) return pickle_empty_stack(machine);
    const HedonPickleValue *function = items[0];
    const HedonPickleValue arguments = {
        .kind = HEDON_PICKLE_TUPLE, .items = items + 1, .count = count - 1};
    return call(machine, function, &arguments);
}

/* Protocol 0's way: the names follow, the arguments lie on the mark. */
static int op_instance(HedonPickleMachine *machine)
{
    int code = op_global(machine);
    if (code) return code;
    const HedonPickleValue *function = pickle_pop(machine);
    HedonPickleValue **items;
    int64_t count;
    code = pickle_pop_mark(machine, &items, &count);
    if (code) return code;
    const HedonPickleValue arguments = {.kind = HEDON_PICKLE_TUPLE, .items = items, .count = count};
    return call(machine, function, &arguments);
}

/* Attributes of a dict (torch puts _metadata on a state dict) are read and dropped. */
static int op_build(HedonPickleMachine *machine)
{
    const HedonPickleValue *state = pickle_pop(machine),
                           *object = state ? pickle_top(machine) : NULL;
    if (!object) return pickle_empty_stack(machine);
    if (object->kind != HEDON_PICKLE_DICT || state->kind != HEDON_PICKLE_DICT)
        return hedon_fail(machine->ctx, HEDON_EDATA,
                          "refuses to set an object's state: " PICKLE_ADVICE);
    return 0;
}

static int op_persistent(HedonPickleMachine *machine)
{
    const HedonPickleValue *id = pickle_pop(machine);
    if (!id) return pickle_empty_stack(machine);
    if (!machine->rules->persistent)
        return pickle_damaged(machine, "a persistent id is out of place");
    HedonPickleValue *value = pickle_new_value(machine, HEDON_PICKLE_NONE);
    if (!value) return pickle_no_value(machine);
    const int code = machine->rules->persistent(machine->ctx, machine->rules->opaque, id, value);
    return code ? code : pickle_push(machine, value);
}

/* ---- Frame of the pickle -------------------------------------------------------------------- */

static int op_protocol(HedonPickleMachine *machine)
{
    uint64_t protocol;
    const int code = pickle_take_number(machine, 1, &protocol);
    if (code) return code;
    if (protocol < 2 || protocol > 5)
        return hedon_fail(machine->ctx, HEDON_EDATA, "a pickle of protocol %d: hedon reads 2 to 5",
                          (int)protocol);
    return 0;
}

/* A hint for readers of streams; all bytes are here. */
static int op_frame(HedonPickleMachine *machine)
{
    uint64_t length;
    return pickle_take_number(machine, 8, &length);
}

static int op_stop(HedonPickleMachine *machine)
{
    machine->stopped = 1;
    return pickle_top(machine) ? 0 : pickle_empty_stack(machine);
}

int (*const hedon_pickle_operations[256])(HedonPickleMachine *) = {
    [0x80] = op_protocol,  [0x95] = op_frame,     ['.'] = op_stop,
    ['('] = op_mark,       ['0'] = op_pop,        ['1'] = op_pop_mark,
    ['2'] = op_dup,        ['N'] = op_none,       [0x88] = op_true,
    [0x89] = op_false,     ['K'] = op_int1,       ['M'] = op_int2,
    ['J'] = op_int4,       [0x8a] = op_long1,     [0x8b] = op_long4,
    ['G'] = op_real,       [0x8c] = op_text1,     ['X'] = op_text4,
    [0x8d] = op_text8,     ['U'] = op_text1,      ['T'] = op_text4, /* Python 2's str */
    ['C'] = op_bytes1,     ['B'] = op_bytes4,     [0x8e] = op_bytes8,
    [0x96] = op_bytes8,    [']'] = op_empty_list, ['l'] = op_list,
    ['a'] = op_append,     ['e'] = op_appends,    [')'] = op_empty_tuple,
    ['t'] = op_tuple,      [0x85] = op_tuple1,    [0x86] = op_tuple2,
    [0x87] = op_tuple3,    ['}'] = op_empty_dict, ['d'] = op_dict,
    ['s'] = op_set_item,   ['u'] = op_set_items,  [0x8f] = op_empty_list, /* sets */
    [0x90] = op_appends,   [0x91] = op_list,      ['q'] = op_put1,
    ['r'] = op_put4,       [0x94] = op_memoize,   ['h'] = op_get1,
    ['j'] = op_get4,       ['c'] = op_global,     [0x93] = op_stack_global,
    ['R'] = op_reduce,     [0x81] = op_reduce,    [0x92] = op_new_object_keywords,
    ['o'] = op_object,     ['i'] = op_instance,   ['b'] = op_build,
    ['Q'] = op_persistent,
};
