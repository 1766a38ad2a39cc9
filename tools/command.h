/* What a command is: one const struct at the end of its cmd_*.c, one line in main.c's table. */
#ifndef HEDON_TOOLS_COMMAND_H
#define HEDON_TOOLS_COMMAND_H

#include <stddef.h>
#include <stdint.h>

#include "hedon.h"

/* EXIT_INTERRUPTED becomes 143 where it was SIGTERM (interrupt.h). */
enum { EXIT_GOOD = 0, EXIT_SOME_FAILED = 1, EXIT_WRONG_USAGE = 2, EXIT_INTERRUPTED = 130 };

typedef enum HedonOptionKind {
    OPTION_FLAG,    /* int, becomes 1 */
    OPTION_TEXT,    /* const char * */
    OPTION_CHOICE,  /* const char *, one of choices; of "cuda[:N]" with a number or without */
    OPTION_INTEGER, /* int64_t, at least 1 */
    OPTION_SECONDS, /* double, above 0 */
    OPTION_TEXTS,   /* HedonTexts; may be given several times */
} HedonOptionKind;

enum { HEDON_MOST_TEXTS = 64 };

typedef struct HedonTexts {
    const char *items[HEDON_MOST_TEXTS];
    int count;
} HedonTexts;

typedef struct HedonOption {
    const char *name; /* without the dashes */
    HedonOptionKind kind;
    size_t offset;         /* of its value in the command's arguments struct */
    const char *parameter; /* "FILE"; for choices "auto|cpu", which is the list too */
    const char *help;
    char letter; /* short form, or 0 */
} HedonOption;

typedef struct HedonCommand {
    const char *name, *summary;
    const char *parameters; /* "VIDEO..." */
    const char *description;
    const char *examples;                          /* whole lines */
    const HedonOption *options;                    /* ended by a NULL name */
    const struct HedonCommand *const *subcommands; /* NULL-terminated; then run is NULL */
    /** argv[0] is the command's name. Returns the exit status. */
    int (*run)(const struct HedonCommand *command, HedonContext *ctx, int argc, char **argv);
} HedonCommand;

/** Find argv[1] in table and run it; `program` is what was typed before it ("hedon bench"). */
int hedon_dispatch(const HedonCommand *const *table, const char *program, HedonContext *ctx,
                   int argc, char **argv);

enum { HEDON_PARSED = -1 };
/**
 * Read options into values (zero-filled or defaults) and move the other arguments to the front of
 * argv.
 *
 * @param count  set to the number of other arguments
 * @return HEDON_PARSED, or an exit status after --help or a mistake, which was explained
 */
int hedon_options_parse(const HedonCommand *command, int argc, char **argv, void *values,
                        int *count);
/** "hedon: <sentence>" and how to get help, on standard error; returns EXIT_WRONG_USAGE. */
int hedon_wrong_usage(const HedonCommand *command, const char *fmt, ...) HEDON_PRINTF(2, 3);
void hedon_print_help(const HedonCommand *command);
/** The candidate nearest to word, or NULL when none is near. candidates: NULL-terminated. */
const char *hedon_did_you_mean(const char *word, const char *const *candidates);

/** A message for people on standard error, as printf. Names come from anywhere: whatever would move
 *  the terminal's cursor becomes '?', and ends of lines spaces. */
void hedon_say(const char *fmt, ...) HEDON_PRINTF(1, 2);

/** "hedon: FILE: <sentence>" on standard error, one line; returns EXIT_SOME_FAILED, or
 *  EXIT_INTERRUPTED for HEDON_ECANCELLED. file may be NULL. */
int hedon_report(const char *file, int code, const char *sentence);

/** The first Ctrl-C or SIGTERM asks to stop (hedon_cancel), a second one does not ask; writing to a closed
 *  pipe fails instead of killing. */
void hedon_install_handlers(void);
/** A program's exit status: 128 + the signal for EXIT_INTERRUPTED; EXIT_SOME_FAILED instead of EXIT_GOOD, after
 *  saying so, when not all that was printed has arrived. */
int hedon_finish_output(int status);

/* --device, --precision, --threads */
typedef struct HedonDeviceArguments {
    const char *device, *precision;
    int64_t threads;
} HedonDeviceArguments;

#define HEDON_DEVICE_OPTIONS(arguments)                                                            \
    {"device", OPTION_CHOICE, offsetof(arguments, device.device), "auto|cpu|cuda[:N]|ref",         \
     "what computes; N: which GPU of several (default auto)"},                              \
        {"precision", OPTION_CHOICE, offsetof(arguments, device.precision), "fp32|tf32|bf16|fp16|fp64", \
         "of the model's arithmetic, where the device has it (default fp32)"},                     \
    {                                                                                              \
        "threads", OPTION_INTEGER, offsetof(arguments, device.threads), "N",                       \
            "cores to use (default: all)"                                                          \
    }

void hedon_device_arguments(const HedonDeviceArguments *arguments, HedonDeviceOptions *options);

/* --decoder */
#define HEDON_DECODER_OPTION(arguments)                                                            \
    {                                                                                              \
        "decoder", OPTION_CHOICE, offsetof(arguments, decoder), "auto|cpu|nvdec",                  \
            "what decodes; nvdec is the GPU's (auto: where a GPU computes)"                        \
    }

/** NULL is auto. */
HedonDecoder hedon_decoder_argument(const char *name);

/* --window, --stride, --no-timeline, --budget: how videos are scored, wherever they are. */
typedef struct HedonScoringArguments {
    double window_s, stride_s, budget_s;
    int no_timeline;
} HedonScoringArguments;

#define HEDON_SCORING_OPTIONS(arguments)                                                           \
    {"window", OPTION_SECONDS, offsetof(arguments, scoring.window_s), "SECONDS",                   \
     "length of the timeline's windows (default: the model's)"},                                   \
        {"stride", OPTION_SECONDS, offsetof(arguments, scoring.stride_s), "SECONDS",               \
         "from window to window (default: --window)"},                                             \
        {"no-timeline", OPTION_FLAG, offsetof(arguments, scoring.no_timeline), NULL,               \
         "look only at what the overall result needs"},                                            \
    {                                                                                              \
        "budget", OPTION_SECONDS, offsetof(arguments, scoring.budget_s), "SECONDS",                \
            "give a file up after so long without progress (default 120)"                          \
    }

/** HEDON_PARSED, or the status of a usage error that was said. */
int hedon_scoring_check(const HedonCommand *command, const HedonScoringArguments *arguments);
void hedon_scoring_arguments(const HedonScoringArguments *arguments, HedonScorerOptions *options);

/** hedon_model_open, and "random:ARCHITECTURE[:SEED]" for tests and benchmarks without weights. */
int hedon_open_model_argument(HedonContext *ctx, HedonModel **out, const char *name);

#endif
