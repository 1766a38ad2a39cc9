/* The simulated driver: as much of libcuda.so.1 as the registry asks before it opens the backend.
 */
#include <stdlib.h>

int cuInit(unsigned flags);
int cuDeviceGetCount(int *count);

int cuInit(unsigned flags)
{
    return (int)flags;
}

int cuDeviceGetCount(int *count)
{
    const char *text = getenv("HEDON_SIM_GPUS");
    *count = text ? atoi(text) : 1;
    return 0;
}
