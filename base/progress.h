/* A progress bar on standard error when that is a terminal, nothing otherwise. */
#ifndef HEDON_BASE_PROGRESS_H
#define HEDON_BASE_PROGRESS_H

#include <stdint.h>

typedef struct HedonProgress {
    int visible;
    double started_s, drawn_s;
} HedonProgress;

void hedon_progress_start(HedonProgress *bar);
/** Redraws at most ten times a second. total 0: unknown, a count is shown. */
void hedon_progress_update(HedonProgress *bar, const char *label, int64_t done, int64_t total);
/** Wipes the line, so that what is printed next starts clean. */
void hedon_progress_clear(HedonProgress *bar);

#endif
