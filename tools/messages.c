/* What every program for people does: messages, signals, the last look at standard output. */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "tools/command.h"

void hedon_say(const char *fmt, ...)
{
    char *text;
    va_list args;
    va_start(args, fmt);
    const int length = vasprintf(&text, fmt, args);
    va_end(args);
    if (length < 0) return;
    for (unsigned char *p = (unsigned char *)text; *p; p++) {
        const int second_half = p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0; /* C1 in UTF-8 */
        if (*p == '\n' || *p == '\r')
            *p = ' ';
        else if (*p < ' ' || *p == 127 || second_half)
            *p = '?';
    }
    fprintf(stderr, "hedon: %s\n", text);
    free(text);
}

int hedon_report(const char *file, int code, const char *sentence)
{
    if (code == HEDON_ECANCELLED) return EXIT_INTERRUPTED; /* whoever pressed the keys knows */
    hedon_say("%s%s%s", file ? file : "", file ? ": " : "", sentence);
    return EXIT_SOME_FAILED;
}

static void on_signal(int number)
{
    (void)number;
    hedon_cancel();
}

void hedon_install_handlers(void)
{
    /* the first Ctrl-C asks to stop, a second one does not ask */
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN); /* a closed pipe is a failed write, reported as one */
}

int hedon_finish_output(int status)
{
    if (!fflush(stdout) && !ferror(stdout)) return status;
    if (status == EXIT_GOOD) perror("hedon: cannot write to standard output");
    return status == EXIT_GOOD ? EXIT_SOME_FAILED : status;
}
