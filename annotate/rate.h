/* How many a second, lately. */
#ifndef HEDON_ANNOTATE_RATE_H
#define HEDON_ANNOTATE_RATE_H

#include <stdint.h>

enum { HEDON_RATE_MARKS = 32 };

/* A mark a second, the last half minute of them. */
typedef struct HedonRate {
    struct {
        double time_s;
        int64_t count;
    } marks[HEDON_RATE_MARKS];
    int64_t marked;
} HedonRate;

/** Note that `count` are done at time_s; both only grow. */
void hedon_rate_mark(HedonRate *rate, double time_s, int64_t count);
/** A second, from the oldest mark to now; 0 when unknown. */
double hedon_rate_per_s(const HedonRate *rate, double time_s, int64_t count);

#endif
