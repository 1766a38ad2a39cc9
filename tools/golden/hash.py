"""Counter-based random numbers, bit for bit those of base/random.c, vectorised in NumPy.

Both sides of a golden comparison make their inputs and weights from these, so that nothing large is
stored. Uniform numbers are exactly equal; normal ones may differ in the last bit (log and cos).

`counters` is an array of counters of any shape, or an int n for counters 0 to n - 1.
"""

import numpy as np

_MASK = (1 << 64) - 1
_WEYL = 0x9E3779B97F4A7C15


def _mix(z):
    """The finaliser of SplitMix64; z is a Python int below 2**64 or a uint64 array."""
    narrow = (lambda v: v & _MASK) if isinstance(z, int) else (lambda v: v)
    z = narrow((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9)
    z = narrow((z ^ (z >> 27)) * 0x94D049BB133111EB)
    return z ^ (z >> 31)


def _counters(counters):
    return np.arange(counters, dtype=np.uint64) if isinstance(counters, int) else np.asarray(counters, np.uint64)


def key(seed, epoch, item):
    """hedon_random_key: the key of one item in one epoch of one seeded run, as an int."""
    value = _mix((seed + _WEYL) & _MASK)
    value = _mix((value + epoch + _WEYL) & _MASK)
    return _mix((value + item + _WEYL) & _MASK)


def key_name(seed, name):
    """hedon_random_key_name: a key from a name (FNV-1a over its UTF-8 bytes)."""
    hashed = 0xCBF29CE484222325
    for byte in name.encode():
        hashed = ((hashed ^ byte) * 0x100000001B3) & _MASK
    return key(seed, 0, hashed)


def u64(key, counters):
    """hedon_random_u64, as a uint64 array."""
    return _mix(np.uint64(key) + (_counters(counters) + np.uint64(1)) * np.uint64(_WEYL))


def uniform(key, counters):
    """hedon_random_uniform: [0,1), 53 bits, as a float64 array."""
    return (u64(key, counters) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def normal(key, counters):
    """hedon_random_normal: Box-Muller on counters 2i and 2i + 1, as a float64 array."""
    even = _counters(counters) * np.uint64(2)
    u = 1.0 - uniform(key, even)
    v = uniform(key, even + np.uint64(1))
    return np.sqrt(-2.0 * np.log(u)) * np.cos(6.283185307179586476925 * v)
