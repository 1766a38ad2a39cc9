/* What can be wrong with a dataset: a table of kinds, and a collection that counts each and keeps
 * the first few as examples. */
#ifndef HEDON_DATASETS_FAULT_H
#define HEDON_DATASETS_FAULT_H

#include "base/arena.h"
#include "hedon.h"

typedef enum HedonFaultKind {
    HEDON_FAULT_FILE,         /* a label file is missing, or not what it should be */
    HEDON_FAULT_VALUE,        /* an entry of the wrong type */
    HEDON_FAULT_DUPLICATE_ID, /* a video twice in one split */
    HEDON_FAULT_SHARED_ID,    /* a video in two splits */
    HEDON_FAULT_RANGE,        /* an intensity outside 0..1 */
    HEDON_FAULT_UNKNOWN_EMOTION,
    HEDON_FAULT_MISSING_EMOTION,
    HEDON_FAULT_TOP,            /* topK is not the most intense, ties allowed */
    HEDON_FAULT_SELF_PAIR,      /* a video compared with itself */
    HEDON_FAULT_UNKNOWN_ID,     /* a compared video that metadata.json has not */
    HEDON_FAULT_DUPLICATE_PAIR, /* the same two videos in the same order again */
    HEDON_FAULT_CONTRADICTION,  /* a below b and b below a */
    HEDON_FAULT_CYCLE,          /* videos each below the next, round */
    HEDON_FAULT_MISSING_VIDEO,
    HEDON_FAULT_UNREADABLE_VIDEO,
    HEDON_FAULT_JOINT_LEAK, /* tested on here, trained on there: joint training leaves it out */
    HEDON_FAULT_KINDS
} HedonFaultKind;

typedef struct HedonFaultInfo {
    const char *name;  /* "missing_video", of the JSON */
    const char *title; /* "videos missing" */
    int is_note;       /* said, but nothing is wrong: the real datasets have it */
} HedonFaultInfo;

const HedonFaultInfo *hedon_fault_info(HedonFaultKind kind);

typedef struct HedonFaults {
    int most; /* examples kept of each kind */
    int64_t count[HEDON_FAULT_KINDS];
    int examples[HEDON_FAULT_KINDS];
    const char **example[HEDON_FAULT_KINDS]; /* sentences; owned */
    HedonArena arena;
} HedonFaults;

/** Start empty, keeping at most so many examples of each kind. */
void hedon_faults_init(HedonFaults *faults, int most);
void hedon_faults_free(HedonFaults *faults);
/** Count one; the sentence is kept while there is room. 0 or HEDON_ENOMEM. */
int hedon_faults_add(HedonContext *ctx, HedonFaults *faults, HedonFaultKind kind, const char *fmt,
                     ...) HEDON_PRINTF(4, 5);
/** Those that are not notes. */
int64_t hedon_faults_total(const HedonFaults *faults);

#endif
