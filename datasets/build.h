/* How a kind fills a dataset while it opens it: what is behind dataset.h. Nobody above datasets/
 * needs this. */
#ifndef HEDON_DATASETS_BUILD_H
#define HEDON_DATASETS_BUILD_H

#include "base/arena.h"
#include "datasets/dataset.h"
#include "datasets/json_reader.h"

struct HedonDataset {
    const HedonDatasetKind *kind;
    char *dir;
    HedonDatasetItem *items;
    int64_t count, room;
    int32_t *slots; /* open addressing by id: item + 1, 0 is empty; slot_count is a power of two */
    size_t slot_count;
    HedonComparison *comparisons;
    int64_t comparison_count, comparison_room;
    const char **classes;
    int class_count;
    HedonArena arena; /* strings, intensities, item numbers of comparisons */
};

/** The item of that id, made when there is none (*is_new, may be NULL): no path, not rated.
 *  *item is valid until the next one is made. HEDON_ENOMEM, HEDON_ELIMIT. */
int hedon_build_item(HedonContext *ctx, HedonDataset *dataset, HedonJsonText id, HedonSplit split,
                     HedonDatasetItem **item, int *is_new);
/** NULL when there is none. */
HedonDatasetItem *hedon_build_find(HedonDataset *dataset, HedonJsonText id);
/** items are copied. tied: of a pair. */
int hedon_build_comparison(HedonContext *ctx, HedonDataset *dataset, HedonSplit split,
                           const int32_t *items, int count, int tied);
/** *path becomes "dir/file", with every byte of file checked by hedon_build_inside beforehand. */
int hedon_build_path(HedonContext *ctx, HedonDataset *dataset, HedonJsonText file,
                     const char **path);
/** Whether file stays in its folder: relative, not empty and without "..". */
int hedon_build_inside(HedonJsonText file);
/** "dir/videos/ID.mp4" for items that have no path. */
int hedon_build_default_paths(HedonContext *ctx, HedonDataset *dataset);
/** Take the 27 as the item's intensities and find its label. */
int hedon_build_intensities(HedonContext *ctx, HedonDataset *dataset, HedonDatasetItem *item,
                            const double *values);
/** Splits share no video: HEDON_FAULT_SHARED_ID for each that comparisons of two splits show. */
int hedon_build_check_splits(HedonContext *ctx, const HedonDataset *dataset,
                             const HedonDatasetOptions *options);
/** Name the classes and set each item's class_index; class_of[i] borrowed from the arena, or NULL.
 */
int hedon_build_classes(HedonContext *ctx, HedonDataset *dataset, const char *const *class_of);

/** A fault of the labels: counted when the options collect faults (then 0), else HEDON_EDATA. */
int hedon_build_fault(HedonContext *ctx, const HedonDatasetOptions *options, HedonFaultKind kind,
                      const char *fmt, ...) HEDON_PRINTF(4, 5);
/** The same for a file that cannot be read, after the failure that ctx holds; memory that is out
 *  stays a failure. */
int hedon_build_file_fault(HedonContext *ctx, const HedonDatasetOptions *options, const char *name,
                           int code);
/** The value of a setting, NULL when it is not given. */
const char *hedon_build_setting(const HedonDatasetOptions *options, const char *name);

/** Fill in what dir/metadata.json says of the items; paths too where they have none. Not there: no
 *  fault, unless faults are collected. */
int hedon_build_metadata(HedonContext *ctx, HedonDataset *dataset,
                         const HedonDatasetOptions *options);
/** Whether dir/name is a regular file. */
int hedon_build_has_file(const char *dir, const char *name);

extern const HedonDatasetKind hedon_dataset_vce, hedon_dataset_v2v, hedon_dataset_table,
    hedon_dataset_folder;

#endif
