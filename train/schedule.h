/* The learning rate of each optimiser step: warm-up, then a decay. A pure function of the step, so
 * that resuming needs nothing but its number. */
#ifndef HEDON_TRAIN_SCHEDULE_H
#define HEDON_TRAIN_SCHEDULE_H

#include "hedon.h"

typedef enum HedonDecay {
    HEDON_DECAY_CONSTANT,
    HEDON_DECAY_COSINE, /* floor + (rate - floor) (1 + cos(pi t)) / 2, t from 0 to 1 after warm-up
                         */
    HEDON_DECAY_STEP,   /* rate * factor^k from the k-th milestone on, never below floor */
} HedonDecay;

enum { HEDON_MAX_MILESTONES = 8 };

typedef struct HedonRates {
    HedonDecay decay;
    double rate, floor;                      /* after warm-up; in the end */
    double warmup_from;                      /* rate of step 0 when there is warm-up */
    int64_t warmup_steps, steps;             /* of the whole run, warm-up included */
    double factor;                           /* STEP */
    int64_t milestone[HEDON_MAX_MILESTONES]; /* STEP: step numbers, ascending */
    int milestones;
} HedonRates;

/**
 * The rate of step 0, 1, ...; linear warm-up reaches `rate` at its last step, as numpy.linspace
 * over warmup_steps does, and the cosine starts at `rate` on the step after it and would reach
 * `floor` on the step after the last (VideoMAE's cosine_scheduler, torch's CosineAnnealingLR
 * stepped per step).
 */
double hedon_rate_at(const HedonRates *rates, int64_t step);

#endif
