/* Which process this is, and whether another one still lives. */
#ifndef HEDON_STORE_PROCESS_H
#define HEDON_STORE_PROCESS_H

#include <stdint.h>

/* boot: the kernel's boot id and the PID namespace, within which a pid with its start time names
 * one process for ever. */
typedef struct HedonProcess {
    char host[256], boot[128];
    int64_t pid, started; /* started: clock ticks since boot */
} HedonProcess;

void hedon_process_self(HedonProcess *self);
/** 1 when it can be seen from here that the process is gone; 0 when it lives or cannot be seen. */
int hedon_process_is_dead(const HedonProcess *self, const HedonProcess *other);

#endif
