#include "tools/store_argument.h"

#include <string.h>

/* For messages: a database's address may hold a password. */
static const char *name_of(const char *place)
{
    return strstr(place, "://") ? "the store" : place;
}

int hedon_query_failed(const HedonCommand *command, HedonContext *ctx, const char *place, int code)
{
    if (code == HEDON_EINVAL) return hedon_wrong_usage(command, "%s", hedon_last_error(ctx));
    return hedon_report(name_of(place), code, hedon_last_error(ctx));
}

int hedon_open_store_argument(const HedonCommand *command, HedonContext *ctx, const char *place,
                              const HedonStoreArguments *arguments, HedonStore **store,
                              HedonReportRun *run)
{
    *store = NULL;
    *run = (HedonReportRun){0};
    if (arguments->run && arguments->model)
        return hedon_wrong_usage(command, "--run and --model exclude each other");
    HedonStoreOptions options;
    hedon_store_options_default(&options);
    options.read_only = 1;
    int code = hedon_store_open(ctx, store, place, &options);
    if (code) return hedon_report(name_of(place), code, hedon_last_error(ctx));
    const char *name = arguments->run ? arguments->run : arguments->model;
    code = hedon_report_run_find(ctx, run, *store, name);
    if (!code) {
        if (run->others)
            hedon_say("%s: run %lld (%s, %s), the newest of %d; --run N takes another", name_of(place),
                      (long long)run->id, run->info.name, run->settings, run->others + 1);
        return HEDON_PARSED;
    }
    hedon_store_close(*store);
    *store = NULL;
    if (code == HEDON_EINVAL)
        return hedon_wrong_usage(command, "%s: %s", name_of(place), hedon_last_error(ctx));
    return hedon_report(name_of(place), code, hedon_last_error(ctx));
}
