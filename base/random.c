#include "base/random.h"

#include <math.h>

static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

HedonRandomKey hedon_random_key(uint64_t seed, uint64_t epoch, uint64_t item)
{
    const uint64_t weyl = 0x9e3779b97f4a7c15u;
    return (HedonRandomKey){mix(mix(mix(seed + weyl) + epoch + weyl) + item + weyl)};
}

HedonRandomKey hedon_random_key_name(uint64_t seed, const char *name)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (; *name; name++) hash = (hash ^ (unsigned char)*name) * 0x100000001b3u;
    return hedon_random_key(seed, 0, hash);
}

uint64_t hedon_random_u64(HedonRandomKey key, uint64_t counter)
{
    return mix(key.value + (counter + 1) * 0x9e3779b97f4a7c15u);
}

double hedon_random_uniform(HedonRandomKey key, uint64_t counter)
{
    return (double)(hedon_random_u64(key, counter) >> 11) * 0x1p-53;
}

double hedon_random_normal(HedonRandomKey key, uint64_t counter)
{
    const double u = 1.0 - hedon_random_uniform(key, 2 * counter); /* (0,1]: log is finite */
    const double v = hedon_random_uniform(key, 2 * counter + 1);
    return sqrt(-2.0 * log(u)) * cos(6.283185307179586476925 * v);
}
