/* Which of a backend's devices a name means: "cuda:1" is the second one. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "kernels/backend.h"

enum { DIGITS = 3 };

int hedon_device_number(HedonContext *ctx, const char *device, int *number)
{
    const char *colon = device ? strchr(device, ':') : NULL;
    *number = -1;
    if (!colon) return 0;
    const size_t digits = strspn(colon + 1, "0123456789");
    if (!digits || digits > DIGITS || colon[1 + digits])
        return hedon_fail(ctx, HEDON_EINVAL,
                          "device %s: behind the colon comes a GPU's number, as in cuda:0", device);
    *number = atoi(colon + 1);
    return 0;
}
