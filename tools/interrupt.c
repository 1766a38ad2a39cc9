#include "tools/interrupt.h"

#include <signal.h>

static volatile sig_atomic_t first_signal;
static void (*action)(void);

static void on_signal(int number)
{
    if (!first_signal) first_signal = number == SIGUSR1 ? SIGINT : number;
    action();
}

void hedon_on_interrupt(void (*act)(void))
{
    struct sigaction handler = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    action = act;
    sigaction(SIGINT, &handler, NULL);
    sigaction(SIGTERM, &handler, NULL);
    sigaction(SIGUSR1, &handler, NULL);
}

int hedon_interrupt_status(void)
{
    return 128 + (first_signal ? (int)first_signal : SIGINT);
}
