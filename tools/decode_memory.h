/* Whether libav ran out of memory, which it does not always say. */
#ifndef HEDON_TOOLS_DECODE_MEMORY_H
#define HEDON_TOOLS_DECODE_MEMORY_H

/** Whether an aligned allocation has failed since the last call. */
int hedon_decode_memory_failed(void);
/** Keep freed memory for the next video rather than give it back to the system, which would have to
 *  clear it again: a quarter of the time of a short request. At most 64 MiB are kept. */
void hedon_decode_memory_keep(void);

#endif
