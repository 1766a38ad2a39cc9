/* Starting and ending the hedon-decode process, and what it has used. */
#ifndef HEDON_DECODE_WORKER_PROCESS_H
#define HEDON_DECODE_WORKER_PROCESS_H

#include <sys/types.h>

#include "hedon.h"

typedef struct HedonWorkerProcess {
    pid_t pid;  /* 0: none runs */
    int socket; /* -1 then */
    double ended_cpu_s;       /* processor time of those that have run and ended */
    int64_t ended_peak_bytes; /* the most that one of them had resident */
} HedonWorkerProcess;

/**
 * Start the worker program; returns as soon as it is launched, while it still loads.
 *
 * @param program  NULL: $HEDON_DECODE_WORKER, else hedon-decode beside this program, else where it
 *                 is installed
 * @return 0; HEDON_EDECODER when it cannot be found or started, HEDON_EIO when descriptors are out
 */
int hedon_worker_process_start(HedonContext *ctx, HedonWorkerProcess *process, const char *program);

/** Whether the process is there and has not closed its socket. */
int hedon_worker_process_alive(const HedonWorkerProcess *process);

/**
 * Kill the process if it has not ended within grace_s, reap it and close the socket.
 *
 * @return its wait status; -1 when that is not to be had (none ran, or SIGCHLD is ignored)
 */
int hedon_worker_process_end(HedonWorkerProcess *process, double grace_s);

/** Processor time that this process and those before it have used; seconds. */
double hedon_worker_process_cpu_s(const HedonWorkerProcess *process);
/** The most memory that this process, or one before it, had resident; bytes. */
int64_t hedon_worker_process_peak_bytes(const HedonWorkerProcess *process);

/** Say how a process ended: "crashed (signal 11, Segmentation fault)". */
void hedon_worker_process_describe(int status, char *text, size_t size);

#endif
