/* hedon: the command line. Commands are a table; each lives in its own cmd_*.c. */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/command.h"

extern const HedonCommand hedon_cmd_score, hedon_cmd_annotate, hedon_cmd_top, hedon_cmd_compare,
    hedon_cmd_report, hedon_cmd_serve, hedon_cmd_export, hedon_cmd_eval, hedon_cmd_info,
    hedon_cmd_infer, hedon_cmd_import, hedon_cmd_train, hedon_cmd_bench, hedon_cmd_dataset;

static const HedonCommand *const commands[] = {
    &hedon_cmd_score,
    &hedon_cmd_annotate,
    &hedon_cmd_top,
    &hedon_cmd_compare,
    &hedon_cmd_report,
    &hedon_cmd_serve,
    &hedon_cmd_export,
    &hedon_cmd_eval,
    &hedon_cmd_info,
    &hedon_cmd_infer,
    &hedon_cmd_import,
    &hedon_cmd_train,
    &hedon_cmd_bench,
    &hedon_cmd_dataset,
    NULL,
};

static void print_overview(void)
{
    printf(
        "hedon: how a video would make its viewers feel\n\nusage: hedon COMMAND [OPTION...]\n\n");
    for (const HedonCommand *const *command = commands; *command; command++)
        printf("  %-10s %s\n", (*command)->name, (*command)->summary);
    printf("\nTry:    hedon score VIDEO\n"
           "Help:   hedon COMMAND --help    Version: hedon --version\n");
}

static int unknown_command(const HedonCommand *const *table, const char *program, const char *word)
{
    const char *names[32] = {NULL};
    for (int i = 0; table[i] && i < 31; i++) {
        const char *space = strrchr(table[i]->name, ' ');
        names[i] = space ? space + 1 : table[i]->name;
    }
    const char *near = hedon_did_you_mean(word, names);
    if (near)
        hedon_say("there is no command '%s %s'; did you mean '%s %s'?", program, word, program,
                  near);
    else
        hedon_say("there is no command '%s %s'; '%s --help' lists what there is", program, word,
                  program);
    return EXIT_WRONG_USAGE;
}

int hedon_dispatch(const HedonCommand *const *table, const char *program, HedonContext *ctx,
                   int argc, char **argv)
{
    for (const HedonCommand *const *command = table; *command; command++) {
        const char *space = strrchr((*command)->name, ' ');
        if (strcmp(space ? space + 1 : (*command)->name, argv[1])) continue;
        if ((*command)->run) return (*command)->run(*command, ctx, argc - 1, argv + 1);
        if (argc < 3 || !strcmp(argv[2], "--help") || !strcmp(argv[2], "-h")) {
            hedon_print_help(*command);
            return argc < 3 ? EXIT_WRONG_USAGE : EXIT_GOOD;
        }
        char longer[64];
        snprintf(longer, sizeof(longer), "%s %s", program, argv[1]);
        return hedon_dispatch((*command)->subcommands, longer, ctx, argc - 1, argv + 1);
    }
    return unknown_command(table, program, argv[1]);
}

void hedon_device_arguments(const HedonDeviceArguments *arguments, HedonDeviceOptions *options)
{
    hedon_device_options_default(options);
    if (arguments->device) options->device = arguments->device;
    if (arguments->precision)
        options->precision = !strcmp(arguments->precision, "bf16")   ? HEDON_BF16
                             : !strcmp(arguments->precision, "fp16") ? HEDON_F16
                             : !strcmp(arguments->precision, "fp64") ? HEDON_F64
                                                                     : HEDON_F32;
    options->tf32 = arguments->precision && !strcmp(arguments->precision, "tf32");
    if (arguments->threads) options->threads = (int)arguments->threads;
}

static int run(int argc, char **argv)
{
    const char *word = argc < 2 ? "--help" : argv[1];
    if (!strcmp(word, "--version")) {
        printf("hedon %s\n", HEDON_VERSION);
        return EXIT_GOOD;
    }
    if (!strcmp(word, "help") && argc > 2) { /* hedon help score */
        argv[1] = argv[2];
        static char help[] = "--help";
        argv[2] = help;
        argc = 3;
    } else if (!strcmp(word, "--help") || !strcmp(word, "-h") || !strcmp(word, "help")) {
        print_overview();
        return EXIT_GOOD;
    }
    HedonContext *ctx = hedon_context_new();
    if (!ctx) return hedon_report(NULL, HEDON_ENOMEM, "out of memory");
    const int status = hedon_dispatch(commands, "hedon", ctx, argc, argv);
    hedon_context_free(ctx);
    return status;
}

int main(int argc, char **argv)
{
    setlocale(LC_CTYPE,
              ""); /* only to know whether the terminal takes UTF-8; numbers stay as they are */
    hedon_install_handlers();
    return hedon_finish_output(run(argc, argv));
}
