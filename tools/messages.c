/* What every program for people does: messages, signals, the last look at standard output. */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "tools/command.h"
#include "tools/interrupt.h"

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

void hedon_install_handlers(void)
{
    hedon_on_interrupt(hedon_cancel);
    signal(SIGPIPE, SIG_IGN); /* a closed pipe is a failed write, reported as one */
    signal(SIGXFSZ, SIG_IGN); /* so is a file that has reached its limit */
}

int hedon_finish_output(int status)
{
    if (status == EXIT_INTERRUPTED) status = hedon_interrupt_status();
    if (!fflush(stdout) && !ferror(stdout)) return status;
    if (status == EXIT_GOOD) perror("hedon: cannot write to standard output");
    return status == EXIT_GOOD ? EXIT_SOME_FAILED : status;
}
