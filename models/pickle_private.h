/* The pickle machine, between its loop (pickle.c) and its opcodes (pickle_operations.c). */
#ifndef HEDON_MODELS_PICKLE_PRIVATE_H
#define HEDON_MODELS_PICKLE_PRIVATE_H

#include "models/pickle.h"

enum { PICKLE_VALUE_LIMIT = 1000000, PICKLE_NAME_ROOM = 200 };

#define PICKLE_ADVICE                                                                              \
    "hedon runs no code and reads tensors, dicts, lists, numbers and text only; save the state "   \
    "dict alone, torch.save(model.state_dict(), FILE), or as safetensors"

typedef struct HedonPickleMachine {
    HedonContext *ctx;
    HedonArena *arena;
    const HedonPickleRules *rules;
    const uint8_t *at, *end;
    HedonPickleValue **stack;
    int64_t depth, room;
    HedonPickleValue **memo; /* NULL where nothing was put */
    int64_t memo_room, memo_next;
    int64_t operations, values;
    int stopped;
} HedonPickleMachine;

/** Of each opcode; NULL: refused. Return 0 or a negative code with its sentence said. */
extern int (*const hedon_pickle_operations[256])(HedonPickleMachine *);

int pickle_damaged(const HedonPickleMachine *machine, const char *what);
int pickle_empty_stack(const HedonPickleMachine *machine);
/** More of something than any state dict needs: HEDON_ELIMIT. */
int pickle_too_much(const HedonPickleMachine *machine, const char *what);

/** The next size bytes, or NULL with the sentence said. */
const uint8_t *pickle_take(HedonPickleMachine *machine, uint64_t size);
uint64_t pickle_little_endian(const uint8_t *bytes, int size);
int pickle_take_number(HedonPickleMachine *machine, int size, uint64_t *value);
/** A line of text for a message or a lookup: cut off at its room, what is not ASCII as '?'. */
int pickle_take_line(HedonPickleMachine *machine, char line[PICKLE_NAME_ROOM]);

/** NULL with the sentence said, which pickle_no_value gives as a code. */
HedonPickleValue *pickle_new_value(HedonPickleMachine *machine, HedonPickleKind kind);
int pickle_no_value(const HedonPickleMachine *machine);
/** NULL is passed on as pickle_no_value. */
int pickle_push(HedonPickleMachine *machine, HedonPickleValue *value);
/** NULL when the stack is empty down to a mark. */
HedonPickleValue *pickle_top(const HedonPickleMachine *machine);
HedonPickleValue *pickle_pop(HedonPickleMachine *machine);
/** Take everything down to the last mark, and the mark: items stay readable until the next push. */
int pickle_pop_mark(HedonPickleMachine *machine, HedonPickleValue ***items, int64_t *count);
/** Onto a list, tuple or dict. */
int pickle_append(HedonPickleMachine *machine, HedonPickleValue *list,
                  HedonPickleValue *const *items, int64_t count);

#endif
