/* Which of the files found are wanted: patterns, hidden files, a share of all. */
#ifndef HEDON_ANNOTATE_FILTER_H
#define HEDON_ANNOTATE_FILTER_H

typedef struct HedonFilter {
    /* Shell patterns. One with a slash is held against the path relative to the root ('*' matches
     * slashes too), one without against the name alone. */
    const char *const *include; /* NULL or empty: everything */
    int include_count;
    const char *const *exclude; /* of files, and of folders with all that is in them */
    int exclude_count;
    int hidden;             /* also names that begin with a dot */
    int shard, shard_count; /* the shard-th (from 1) of shard_count shares; shard_count 0: all */
} HedonFilter;

/** Whether to go into a folder. relative: its path below the root. */
int hedon_filter_folder(const HedonFilter *filter, const char *relative);
/** Whether a file is wanted, its shard left aside. */
int hedon_filter_file(const HedonFilter *filter, const char *relative);
/** Whether a file is of this shard: by a hash of its relative path, the same on every machine. */
int hedon_filter_shard(const HedonFilter *filter, const char *relative);

#endif
