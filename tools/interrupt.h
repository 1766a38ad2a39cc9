/* Ctrl-C (SIGINT) and SIGTERM: the first of each asks to stop, a second one does not ask. */
#ifndef HEDON_TOOLS_INTERRUPT_H
#define HEDON_TOOLS_INTERRUPT_H

/** From now on the signals call `act`, which must be async-signal-safe. */
void hedon_on_interrupt(void (*act)(void));
/** 128 + the signal that came first, as shells report it: 130 for Ctrl-C, 143 for SIGTERM. Without
 *  a signal 130. */
int hedon_interrupt_status(void);

#endif
