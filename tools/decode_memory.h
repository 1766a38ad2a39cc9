/* Whether libav ran out of memory, which it does not always say. */
#ifndef HEDON_TOOLS_DECODE_MEMORY_H
#define HEDON_TOOLS_DECODE_MEMORY_H

/** Whether an aligned allocation has failed since the last call. */
int hedon_decode_memory_failed(void);

#endif
