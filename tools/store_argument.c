#include "tools/store_argument.h"

int hedon_query_failed(const HedonCommand *command, HedonContext *ctx, const char *place, int code)
{
    char shown[512];
    if (code == HEDON_EINVAL) return hedon_wrong_usage(command, "%s", hedon_last_error(ctx));
    hedon_store_shown(place, shown, sizeof(shown));
    return hedon_report(shown, code, hedon_last_error(ctx));
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
    char shown[512];
    hedon_store_shown(place, shown, sizeof(shown));
    hedon_store_options_default(&options);
    options.read_only = 1;
    int code = hedon_store_open(ctx, store, place, &options);
    if (code) return hedon_report(shown, code, hedon_last_error(ctx));
    const char *name = arguments->run ? arguments->run : arguments->model;
    code = hedon_report_run_find(ctx, run, *store, name);
    if (!code) {
        if (run->others)
            hedon_say("%s: run %lld (%s, %s), the newest of %d; --run N takes another", shown,
                      (long long)run->id, run->info.name, run->settings, run->others + 1);
        return HEDON_PARSED;
    }
    hedon_store_close(*store);
    *store = NULL;
    if (code == HEDON_EINVAL)
        return hedon_wrong_usage(command, "%s: %s", shown, hedon_last_error(ctx));
    return hedon_report(shown, code, hedon_last_error(ctx));
}
