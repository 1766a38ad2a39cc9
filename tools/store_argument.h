/* STORE and --run of the commands that read annotations. */
#ifndef HEDON_TOOLS_STORE_ARGUMENT_H
#define HEDON_TOOLS_STORE_ARGUMENT_H

#include "report/run.h"
#include "tools/command.h"

typedef struct HedonStoreArguments {
    const char *run, *model, *where;
} HedonStoreArguments;

#define HEDON_RUN_OPTIONS(arguments)                                                               \
    {"run", OPTION_TEXT, offsetof(arguments, store.run), "N",                                      \
     "the run of this number (default: the newest)"},                                              \
    {                                                                                              \
        "model", OPTION_TEXT, offsetof(arguments, store.model), "NAME",                            \
            "the newest run of this model"                                                         \
    }

#define HEDON_WHERE_OPTION(arguments)                                                              \
    {                                                                                              \
        "where", OPTION_TEXT, offsetof(arguments, store.where), "CONDITION",                       \
            "only such videos: \"Joy > .3 and duration < 60\""                                     \
    }

/** Open the store for reading and find the run that the options name; says on standard error which
 *  was taken where several would do. Returns HEDON_PARSED, or an exit status after it was
 * explained. */
int hedon_open_store_argument(const HedonCommand *command, HedonContext *ctx, const char *place,
                              const HedonStoreArguments *arguments, HedonStore **store,
                              HedonReportRun *run);
/** The exit status of a failed query: a wrong --where is wrong usage. */
int hedon_query_failed(const HedonCommand *command, HedonContext *ctx, const char *place, int code);

#endif
