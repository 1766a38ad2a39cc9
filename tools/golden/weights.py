"""The hash-made weights of models/random.c, for torchvision's video ResNets: the twin of that file."""
import math

import numpy as np

import hash as hash_numbers


def _symmetric(key, count):
    """`count` uniforms in [-1,1)."""
    return 2 * hash_numbers.uniform(key, np.arange(count, dtype=np.uint64)) - 1


def _fill(seed, name, shape, centre, width):
    count = math.prod(shape)
    values = centre + _symmetric(hash_numbers.key_name(seed, name), count) * width
    return values.astype(np.float32).reshape(shape)


def backbone(shapes, seed):
    """shapes: name -> shape of a torchvision state dict. Returns name -> float32 array."""
    weights = {}
    for name, shape in shapes.items():
        if name.startswith("fc.") or name.endswith("num_batches_tracked"):
            continue
        module, kind = name.rsplit(".", 1)
        if kind == "weight" and len(shape) == 5:
            gain = 1 if name == "stem.0.weight" else 2
            weights[name] = _fill(seed, name, shape, 0, math.sqrt(3 * gain / math.prod(shape[1:])))
            continue
        scale, offset = 1, 0
        if module.endswith("conv2.1") or module.endswith("downsample.1"):
            block = ".".join(module.split(".")[:2])
            has_downsample = f"{block}.downsample.1.weight" in shapes
            scale, offset = (0.7, 0) if has_downsample else (0.8, -0.4)
        centre, width = {
            "weight": (scale, 0.2 * scale),
            "bias": (offset, 0.2),
            "running_mean": (0, 0.2),
            "running_var": (1, 0.3),
        }[kind]
        weights[name] = _fill(seed, name, shape, centre, width)
    return weights


def heads(features, seed):
    """The emotions and utility heads: name -> float32 array, under hedon's names."""
    width = math.sqrt(3 / features)
    return {
        "head.emotions.weight": _fill(seed, "head.emotions.weight", (27, features), 0, width),
        "head.emotions.bias": _fill(seed, "head.emotions.bias", (27,), 0, 0.2),
        "head.utility.weight": _fill(seed, "head.utility.weight", (1, features), 0, width),
    }


def clips(count, frames, size, seed):
    """float32 (count,3,frames,size,size): a different scene in each clip, so that logits differ.

    Each channel has a base level, a slope across the picture, and a blob that moves and changes
    brightness; noise on top. Only + - * / on doubles, rounded once: tests/test_parity.c makes the
    same bits.
    """
    out = np.empty((count, 3, frames, size, size), np.float32)
    y, x = np.mgrid[0:size, 0:size].astype(np.float64) / size
    for n in range(count):
        scene = _symmetric(hash_numbers.key(seed, 1, n), 32)
        noise = _symmetric(hash_numbers.key(seed, 2, n), 3 * frames * size * size)
        noise = noise.reshape(3, frames, size, size)
        for t in range(frames):
            time = t / frames
            cx = 0.5 + 0.4 * scene[0] + 0.5 * scene[1] * time
            cy = 0.5 + 0.4 * scene[2] + 0.5 * scene[3] * time
            distance = (x - cx) * (x - cx) + (y - cy) * (y - cy)
            blob = 1 / (1 + distance * (20 + 15 * scene[4]))
            for c in range(3):
                s = scene[8 + 8 * c : 16 + 8 * c]
                smooth = s[0] + s[1] * x + s[2] * y + (2 * s[3] + s[4] * time) * blob
                out[n, c, t] = smooth + (0.3 + 0.2 * scene[5]) * noise[c, t]
    return out
