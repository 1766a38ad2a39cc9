/* A dataset opened for reading: labels and the paths of videos. Nothing is decoded here.
 *
 * A kind is one file (vce.c, v2v.c, table.c, folder.c) that ends in one const HedonDatasetKind, and
 * a line in kinds.c. A kind reads everything when it is opened: 61,046 labels of 27 emotions take
 * about a quarter of a second. What was opened does not change any more and may be read from
 * several threads.
 */
#ifndef HEDON_DATASETS_DATASET_H
#define HEDON_DATASETS_DATASET_H

#include "datasets/fault.h"
#include "hedon.h"

typedef struct HedonDataset HedonDataset;

typedef enum HedonSplit {
    HEDON_SPLIT_TRAIN,
    HEDON_SPLIT_TEST,
    HEDON_SPLIT_LISTS, /* V2V's listwise part: tested on, never trained on */
    HEDON_SPLITS
} HedonSplit;

/** "train", "test", "lists" and back; -1 when unknown. */
const char *hedon_split_name(HedonSplit split);
int hedon_split_from_name(const char *name);

enum { HEDON_TOP = 3, HEDON_MAX_COMPARED = 4 };

/* One video and what is known of it. Strings and arrays are borrowed until close. */
typedef struct HedonDatasetItem {
    const char *id;   /* "00012": a string, its leading zeros count */
    const char *path; /* ready to open: begins with what hedon_dataset_open was given */
    HedonSplit split;
    const float *intensities; /* HEDON_EMOTIONS of them, 0..1, in class order; NULL: not rated */
    int label; /* the first maximum of the intensities as the file has them; -1: not rated */
    int top[HEDON_TOP]; /* topK as the file says, class indices; -1 where absent or unknown */
    double rating;      /* a table's; NaN when absent */
    int class_index;    /* into hedon_dataset_class_name; -1 when absent */
    /* From metadata.json or a table; NaN and 0 where it does not say. */
    double duration_s, frame_rate;
    int64_t frames;
    int width, height;
    int has_metadata; /* metadata.json has an entry of this id */
} HedonDatasetItem;

/* Item numbers, from least to most pleasant: 2 of a pair, up to HEDON_MAX_COMPARED of a list. */
typedef struct HedonComparison {
    HedonSplit split;
    int count;
    int tied; /* a pair of which neither is the more pleasant: their order means nothing */
    const int32_t *item;
} HedonComparison;

typedef struct HedonDatasetSetting {
    const char *name, *value;
} HedonDatasetSetting;

typedef struct HedonDatasetOptions {
    const HedonDatasetSetting
        *settings; /* of the kind's options table; a name it lacks is refused */
    int setting_count;
    /* NULL: the first fault of the labels fails the open. Else each is counted here, what can be
     * kept is kept, and the open goes on: hedon dataset check. */
    HedonFaults *faults;
} HedonDatasetOptions;

typedef struct HedonDatasetOption {
    const char *name, *parameter, *help; /* "path", "COLUMN", "..." */
} HedonDatasetOption;

typedef struct HedonDatasetKind {
    const char *name, *summary;
    const HedonDatasetOption *options; /* ended by a NULL name; NULL: none */
    /** Whether dir looks like one of these; asked in the registry's order. */
    int (*detect)(const char *dir);
    /** Fill an empty dataset through datasets/build.h. The caller closes it after a failure. */
    int (*open)(HedonContext *ctx, HedonDataset *dataset, const char *dir,
                const HedonDatasetOptions *options);
} HedonDatasetKind;

/** NULL-terminated. */
const HedonDatasetKind *const *hedon_dataset_kinds(void);
const HedonDatasetKind *hedon_dataset_kind_find(const char *name);

/**
 * Open a dataset.
 *
 * @param kind     "vce", "v2v", "table", "folder"; NULL: what dir's files look like
 * @param dir      the folder; of a table the file
 * @param options  NULL for none
 * @return 0; HEDON_ENOENT (no such folder, no label file in it), HEDON_EINVAL (unknown kind or
 *         option), HEDON_EDATA (the sentence names file, place and what to do), HEDON_EIO,
 *         HEDON_ELIMIT, HEDON_ENOMEM.
 *
 * A label that training could not use is a fault: an unknown or missing emotion, an intensity
 * outside 0..1, an id twice or in two splits. What only makes a dataset poorer (a video that is not
 * there, topK that disagrees, contradictory pairs) is left to hedon_dataset_check.
 */
int hedon_dataset_open(HedonContext *ctx, HedonDataset **out, const char *kind, const char *dir,
                       const HedonDatasetOptions *options);
void hedon_dataset_close(HedonDataset *dataset);

const HedonDatasetKind *hedon_dataset_kind(const HedonDataset *dataset);
const char *hedon_dataset_dir(const HedonDataset *dataset);

/** Videos of all splits, in the order of the label files: train, test, lists. */
int64_t hedon_dataset_size(const HedonDataset *dataset);
/** i from 0 to size - 1. */
const HedonDatasetItem *hedon_dataset_item(const HedonDataset *dataset, int64_t i);
/** The item of that id, -1 when there is none. */
int64_t hedon_dataset_find(const HedonDataset *dataset, const char *id);

/** Comparisons of all splits; 0 when the kind has none. */
int64_t hedon_dataset_comparisons(const HedonDataset *dataset);
const HedonComparison *hedon_dataset_comparison(const HedonDataset *dataset, int64_t i);

/** Classes of a table or folder, in byte order of their names; 0 when it has none. */
int hedon_dataset_classes(const HedonDataset *dataset);
const char *hedon_dataset_class_name(const HedonDataset *dataset, int i);

#endif
