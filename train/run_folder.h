/* RUN: the folder of one training run, one process at a time. */
#ifndef HEDON_TRAIN_RUN_FOLDER_H
#define HEDON_TRAIN_RUN_FOLDER_H

#include <jansson.h>
#include <stdio.h>

#include "hedon.h"

typedef struct HedonRunFolder {
    char dir[3072];
    FILE *log; /* log.jsonl; locked while it is open */
} HedonRunFolder;

/** Make the folder when it is missing and lock its log. fresh: HEDON_EINVAL when a run is there.
 * Else: HEDON_ENOENT when none is. */
int hedon_run_folder_open(HedonContext *ctx, HedonRunFolder *folder, const char *dir, int fresh);
void hedon_run_folder_close(HedonRunFolder *folder);
/** DIR/NAME, in room of 4096 bytes. */
const char *hedon_run_folder_path(const HedonRunFolder *folder, const char *name, char room[4096]);

/** Append an object as a line. HEDON_EIO. */
int hedon_run_folder_log(HedonContext *ctx, HedonRunFolder *folder, const json_t *line);
/** On the disk from here on; its length in bytes, or HEDON_EIO. */
int64_t hedon_run_folder_sync(HedonContext *ctx, HedonRunFolder *folder);
/** Cut the log back to a length that an earlier sync gave. */
int hedon_run_folder_truncate(HedonContext *ctx, HedonRunFolder *folder, int64_t bytes);

/** Write an object as DIR/NAME, atomically, for people to read; its numbers come back to the bit.
 */
int hedon_run_folder_write_json(HedonContext *ctx, const HedonRunFolder *folder, const char *name,
                                const json_t *object);
/** HEDON_ENOENT, HEDON_EDATA. json_decref what comes out. */
int hedon_run_folder_read_json(HedonContext *ctx, const char *path, json_t **out);

#endif
