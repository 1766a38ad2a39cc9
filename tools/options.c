/* Long options from tables, and the help that follows from the same tables. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/command.h"

static const HedonOption help_option = {"help", OPTION_FLAG, 0, NULL, "this help", 'h'};

int hedon_wrong_usage(const HedonCommand *command, const char *fmt, ...)
{
    char sentence[2048];
    va_list args;
    va_start(args, fmt);
    vsnprintf(sentence, sizeof(sentence), fmt, args);
    va_end(args);
    hedon_say("%s; see 'hedon %s --help'", sentence, command->name);
    return EXIT_WRONG_USAGE;
}

static void print_option(const HedonOption *option)
{
    char left[64];
    snprintf(left, sizeof(left), "%c%c%s--%s%s%s", option->letter ? '-' : ' ',
             option->letter ? option->letter : ' ', option->letter ? ", " : "  ", option->name,
             option->parameter ? " " : "", option->parameter ? option->parameter : "");
    if (strlen(left) > 30)
        printf("  %s\n%34s%s\n", left, "", option->help);
    else
        printf("  %-30s  %s\n", left, option->help);
}

void hedon_print_help(const HedonCommand *command)
{
    printf("hedon %s: %s\n\nusage: hedon %s %s\n", command->name, command->summary, command->name,
           command->parameters);
    if (command->description) printf("\n%s", command->description);
    if (command->subcommands) {
        printf("\n");
        for (const HedonCommand *const *sub = command->subcommands; *sub; sub++)
            printf("  %-16s %s\n", strchr((*sub)->name, ' ') + 1, (*sub)->summary);
    }
    printf("\nOptions:\n");
    for (const HedonOption *option = command->options; option && option->name; option++)
        print_option(option);
    print_option(&help_option);
    if (command->examples) printf("\nExamples:\n%s", command->examples);
}

static const HedonOption *find(const HedonCommand *command, const char *name, size_t length)
{
    if (length == strlen("help") && !strncmp(name, "help", length)) return &help_option;
    for (const HedonOption *option = command->options; option && option->name; option++)
        if (strlen(option->name) == length && !strncmp(option->name, name, length)) return option;
    return NULL;
}

static const HedonOption *find_letter(const HedonCommand *command, char letter)
{
    if (letter == help_option.letter) return &help_option;
    for (const HedonOption *option = command->options; option && option->name; option++)
        if (option->letter == letter) return option;
    return NULL;
}

static int unknown(const HedonCommand *command, const char *argument)
{
    const char *names[64] = {"help"};
    int count = 1;
    for (const HedonOption *option = command->options; option && option->name && count < 63;
         option++)
        names[count++] = option->name;
    char name[64];
    snprintf(name, sizeof(name), "%.*s", (int)strcspn(argument + 2, "="), argument + 2);
    const char *near = argument[1] == '-' ? hedon_did_you_mean(name, names) : NULL;
    if (near)
        return hedon_wrong_usage(command, "unknown option %s: did you mean --%s?", argument, near);
    return hedon_wrong_usage(command, "unknown option %s", argument);
}

static int is_choice(const char *choices, const char *text)
{
    const size_t length = strlen(text), name = strcspn(text, ":");
    const size_t digits = text[name] ? strspn(text + name + 1, "0123456789") : 0;
    for (const char *choice = choices; choice; choice = strchr(choice, '|')) {
        choice += *choice == '|';
        const size_t numbered = strcspn(choice, "[|");
        if (strcspn(choice, "|") == length && !strncmp(choice, text, length)) return 1;
        if (choice[numbered] == '[' && numbered == name && !strncmp(choice, text, name) &&
            (!text[name] || (digits && !text[name + 1 + digits])))
            return 1;
    }
    return 0;
}

/* The program never sets LC_NUMERIC, so strtod reads a point in every locale. */
static int set_value(const HedonCommand *command, const HedonOption *option, const char *text,
                     void *values)
{
    void *value = (char *)values + option->offset;
    char *end = NULL;
    errno = 0;
    switch (option->kind) {
    case OPTION_FLAG:
        *(int *)value = 1;
        break;
    case OPTION_TEXT:
        if (!*text)
            return hedon_wrong_usage(command, "--%s: %s is empty", option->name, option->parameter);
        *(const char **)value = text;
        break;
    case OPTION_TEXTS: {
        HedonTexts *texts = value;
        if (!*text)
            return hedon_wrong_usage(command, "--%s: %s is empty", option->name, option->parameter);
        if (texts->count == HEDON_MOST_TEXTS)
            return hedon_wrong_usage(command, "--%s can be given %d times at most", option->name,
                                     HEDON_MOST_TEXTS);
        texts->items[texts->count++] = text;
        break;
    }
    case OPTION_CHOICE:
        if (!is_choice(option->parameter, text))
            return hedon_wrong_usage(command, "--%s %s: give one of %s", option->name, text,
                                     option->parameter);
        *(const char **)value = text;
        break;
    case OPTION_INTEGER: {
        const long long number = strtoll(text, &end, 10);
        if (end == text || *end || errno || number < 1 || number > 1000000)
            return hedon_wrong_usage(command, "--%s %s: give a whole number, 1 or more",
                                     option->name, text);
        *(int64_t *)value = number;
        break;
    }
    case OPTION_SECONDS: {
        const double number = strtod(text, &end);
        if (end == text || *end || !(number > 0 && number < 1e9))
            return hedon_wrong_usage(command, "--%s %s: give seconds, more than 0", option->name,
                                     text);
        *(double *)value = number;
        break;
    }
    }
    return HEDON_PARSED;
}

int hedon_options_parse(const HedonCommand *command, int argc, char **argv, void *values,
                        int *count)
{
    int others = 0, only_others = 0;
    for (int i = 1; i < argc; i++) {
        char *argument = argv[i];
        if (only_others || argument[0] != '-' || !argument[1]) {
            argv[others++] = argument;
            continue;
        }
        if (!strcmp(argument, "--")) {
            only_others = 1;
            continue;
        }
        const int is_long = argument[1] == '-';
        const char *equals = is_long ? strchr(argument, '=') : NULL;
        const HedonOption *option = is_long
                                        ? find(command, argument + 2, strcspn(argument + 2, "="))
                                    : argument[2] ? NULL
                                                  : find_letter(command, argument[1]);
        if (option == &help_option) {
            hedon_print_help(command);
            return EXIT_GOOD;
        }
        if (!option) return unknown(command, argument);
        const char *text = equals ? equals + 1 : NULL;
        if (option->kind == OPTION_FLAG && text)
            return hedon_wrong_usage(command, "--%s takes no value", option->name);
        if (option->kind != OPTION_FLAG && !text) {
            if (i + 1 == argc)
                return hedon_wrong_usage(command, "--%s needs %s", option->name, option->parameter);
            text = argv[++i];
        }
        const int status = set_value(command, option, text, values);
        if (status != HEDON_PARSED) return status;
    }
    *count = others;
    return HEDON_PARSED;
}

/* Levenshtein's distance, for words of up to 31 letters. */
static int distance(const char *a, const char *b)
{
    int row[32];
    const int n = (int)strlen(b);
    if (n > 31 || strlen(a) > 31) return 99;
    for (int j = 0; j <= n; j++) row[j] = j;
    for (int i = 1; a[i - 1]; i++) {
        int diagonal = row[0];
        row[0] = i;
        for (int j = 1; j <= n; j++) {
            const int replace = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            const int insert = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            row[j] = replace < insert ? replace : insert;
        }
    }
    return row[n];
}

const char *hedon_did_you_mean(const char *word, const char *const *candidates)
{
    const char *best = NULL;
    int least = 3;
    for (; *candidates; candidates++) {
        const size_t length = strlen(word);
        const int prefix = length >= 2 && !strncmp(word, *candidates, length);
        const int far = prefix ? 1 : distance(word, *candidates);
        if (far < least && far < (int)length) {
            least = far;
            best = *candidates;
        }
    }
    return best;
}
