/* What the trainer's files share: trainer.c opens and loops, trainer_step.c makes batches and
 * steps, trainer_epoch.c ends an epoch, trainer_state.c saves and resumes, trainer_ranks.c is what
 * several processes have to tell each other. */
#ifndef HEDON_TRAIN_TRAINER_PRIVATE_H
#define HEDON_TRAIN_TRAINER_PRIVATE_H

#include "train/clip_feed.h"
#include "train/data.h"
#include "train/engine.h"
#include "train/run_folder.h"
#include "train/sequence.h"
#include "train/tensorboard.h"
#include "train/trainer.h"

/* What is counted over the epoch under way; part of the saved state. */
typedef struct HedonEpochSums {
    double loss, emotions_loss, utility_loss; /* of batches, to be divided by `batches` */
    int64_t batches, clips, top3, pairs, pairs_right;
} HedonEpochSums;

typedef struct HedonTrainer {
    HedonContext *ctx;
    const HedonTrainConfig *config;
    HedonTrainOptions options;
    HedonTrainCallbacks callbacks;
    HedonProcessGroup alone, *group;
    HedonRunFolder folder; /* rank 0's, as the board is */
    HedonTensorboard board;
    HedonTrainData data;
    HedonModel *model; /* what is saved; its weights are the engine's last stored */
    HedonEngine *engine;
    HedonSequence sequence;
    HedonRates rates;
    char begun_with[256]; /* ", begun with NAME (what it was trained on)"; "" */
    HedonClipFeed *feed;
    HedonFedClip *fed; /* of a batch */
    HedonTrainBatch batch;
    int64_t *samples;            /* of a batch; NULL with one rank */
    float *blank;                /* a clip for a share of which none could be decoded; likewise */
    float *mixed;                /* the VCE clips of a batch, when they are mixed */
    float *emotions, *utilities; /* logits of a batch */

    /* the saved state */
    int64_t step;        /* optimiser steps done */
    int64_t epochs_done; /* validated and written */
    HedonEpochSums sums;
    double best; /* NaN: none yet */
    int64_t best_epoch;
    unsigned char *broken; /* by video's number */
    int64_t broken_count, short_count;

    HedonTrainProgress progress;
    double metric; /* of the last validation */
    double started_s, saved_s, waited_s, saving_took_s;
    int64_t steps_here; /* by this process */
    int64_t saved_step; /* of the saved state; -1: there is none. Rank 0 knows */
    char hash[HEDON_CONFIG_HASH_ROOM];
    char accepted[HEDON_CONFIG_HASH_ROOM]; /* of a resumed state that --force made fit; "" */
    int late_code;                         /* of an event that could not be written */
    char late[256];
} HedonTrainer;

int64_t hedon_trainer_steps(const HedonTrainer *trainer); /* of the whole run */
int hedon_trainer_workers(const HedonTrainer *trainer);
/** To the log and to the caller; takes the object. A failure (NULL: memory is out) stops the run
 *  before its next step, so that ranks need not speak of every line. */
void hedon_trainer_event(HedonTrainer *trainer, json_t *event);
int hedon_trainer_stopped(void *trainer);

/** One optimiser step: HEDON_EDATA when something is not finite or too many videos are broken. */
int hedon_trainer_step(HedonTrainer *trainer);
/** Validate, write last and best, the report; then the epoch is done. */
int hedon_trainer_end_epoch(HedonTrainer *trainer);

/** A resumed run's options, where they are not those of RUN/config.json, become its options from
 * here on: config.json is written anew, a line of the log says what changed, and the state is
 * saved, so that the next --resume needs no --force. */
int hedon_trainer_renew_config(HedonTrainer *trainer);

/* A clip that there is not: a broken video, or one too short. */
typedef struct HedonMissing {
    int64_t place; /* in the sequence of the rank that was shown it */
    int is_short;
    char message[244];
} HedonMissing;

/** hedon_process_group_agree, if the group is whole. */
int hedon_trainer_agree(HedonTrainer *trainer, int code);
/** Something failed that the others do not know of: the group is broken. Returns code. */
int hedon_trainer_part(HedonTrainer *trainer, int code);
/** That all ranks have the same data and configuration. */
int hedon_trainer_compare(HedonTrainer *trainer);
/** Rank 0's state (weights, counts), on all. */
int hedon_trainer_share(HedonTrainer *trainer);
/** Count and log what is missing on every rank, in the order of ranks; *any: whether some rank has
 *  a clip. HEDON_EDATA when too many videos are broken, on all ranks alike. */
int hedon_trainer_note_missing(HedonTrainer *trainer, const HedonMissing *missing, int64_t count,
                               int has_clip, int *any);

/** Rank 0 saves. */
int hedon_trainer_save(HedonTrainer *trainer);
/** Read resume.state, check that it fits, put everything back. A run that was stopped before its
 * first state begins anew. */
int hedon_trainer_resume(HedonTrainer *trainer);

#endif
