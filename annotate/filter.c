#include "annotate/filter.h"

#include <fnmatch.h>
#include <string.h>

#include "base/random.h"

static const char *name_of(const char *relative)
{
    const char *slash = strrchr(relative, '/');
    return slash ? slash + 1 : relative;
}

static int matches(const char *const *patterns, int count, const char *relative)
{
    for (int i = 0; i < count; i++) {
        const char *text = strchr(patterns[i], '/') ? relative : name_of(relative);
        if (!fnmatch(patterns[i], text, 0)) return 1;
    }
    return 0;
}

int hedon_filter_folder(const HedonFilter *filter, const char *relative)
{
    if (!filter->hidden && name_of(relative)[0] == '.') return 0;
    return !matches(filter->exclude, filter->exclude_count, relative);
}

int hedon_filter_file(const HedonFilter *filter, const char *relative)
{
    if (!hedon_filter_folder(filter, relative)) return 0;
    return !filter->include_count || matches(filter->include, filter->include_count, relative);
}

int hedon_filter_shard(const HedonFilter *filter, const char *relative)
{
    if (!filter->shard_count) return 1;
    const uint64_t hash = hedon_random_u64(hedon_random_key_name(0, relative), 0);
    return hash % (uint64_t)filter->shard_count == (uint64_t)(filter->shard - 1);
}
