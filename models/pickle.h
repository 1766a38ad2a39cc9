/* A restricted reader of Python pickles, protocols 2 to 5. It builds plain values (numbers, text,
 * lists, dicts) and calls nothing but the functions of a table of ours; every other global is
 * refused by name before it could mean anything. Opcodes:
 * https://github.com/python/cpython/blob/main/Lib/pickletools.py. */
#ifndef HEDON_MODELS_PICKLE_H
#define HEDON_MODELS_PICKLE_H

#include "base/arena.h"
#include "hedon.h"

typedef enum HedonPickleKind {
    HEDON_PICKLE_NONE,
    HEDON_PICKLE_BOOL,
    HEDON_PICKLE_INT,
    HEDON_PICKLE_REAL, /* also integers beyond 64 bits */
    HEDON_PICKLE_TEXT,
    HEDON_PICKLE_BYTES,
    HEDON_PICKLE_LIST, /* and sets */
    HEDON_PICKLE_TUPLE,
    HEDON_PICKLE_DICT,
    HEDON_PICKLE_GLOBAL,
    HEDON_PICKLE_OBJECT, /* made by a rule */
    HEDON_PICKLE_MARK,   /* never in a result */
} HedonPickleKind;

typedef struct HedonPickleValue HedonPickleValue;
typedef struct HedonPickleGlobal HedonPickleGlobal;

/* A value may contain itself, as in Python: whoever walks one bounds the way. */
struct HedonPickleValue {
    HedonPickleKind kind;
    int tag; /* of an OBJECT: which kind, as its rule says */
    union {
        int64_t integer; /* BOOL, INT */
        double real;
        struct {
            const char *text; /* a 0 follows, and others may be within */
            int64_t length;
        };
        struct {
            HedonPickleValue **items; /* of a DICT: key, value, key, value, ... as they came */
            int64_t count, room;
        };
        const HedonPickleGlobal *global;
        const void *object;
    };
};

/* A global that a pickle may name. */
struct HedonPickleGlobal {
    const char *module, *name;
    int tag; /* for whoever made the table */
    /** What Python's call would give for a tuple of arguments; NULL: may be named, not called. */
    int (*call)(HedonContext *ctx, HedonArena *arena, const HedonPickleValue *arguments,
                HedonPickleValue *out);
};

typedef struct HedonPickleRules {
    const HedonPickleGlobal *globals; /* ends with a NULL module */
    /** Make the object of a persistent id; NULL: there are none. */
    int (*persistent)(HedonContext *ctx, void *opaque, const HedonPickleValue *id,
                      HedonPickleValue *out);
    void *opaque;
} HedonPickleRules;

/**
 * Read one pickle from the beginning of some bytes.
 *
 * @param arena  values are allocated here
 * @param used   how many bytes the pickle takes; NULL: not wanted
 * @return 0; HEDON_EDATA: damaged, or an opcode or a global that is not known (its sentence
 *         names it); HEDON_ELIMIT: more operations, values or memo places than any state dict
 *         needs; HEDON_ENOMEM.
 */
int hedon_pickle_read(HedonContext *ctx, HedonArena *arena, const HedonPickleRules *rules,
                      const uint8_t *bytes, size_t size, size_t *used, HedonPickleValue **out);

/** Whether a value is this text. */
int hedon_pickle_is_text(const HedonPickleValue *value, const char *text);

#endif
