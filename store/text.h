/* Text that grows: SQL put together from pieces of ours. */
#ifndef HEDON_STORE_TEXT_H
#define HEDON_STORE_TEXT_H

#include <stddef.h>

#include "hedon.h"

typedef struct HedonText {
    char *bytes; /* by hedon_malloc; NULL while empty */
    size_t size;
    int failed; /* memory was out: what follows is ignored */
} HedonText;

void hedon_text_add(HedonText *text, const char *format, ...) HEDON_PRINTF(2, 3);

#endif
