#!/usr/bin/env python3
"""Golden numbers for training's augmentations and samplers, from the reference implementations.

    python tools/golden/augment.py VIDEOMAE > tests/golden/augment.inc

VIDEOMAE is a checkout of the paper's fork (github.com/JunShern/VideoMAE, 35cf177): its rand_augment.py,
video_transforms.py and random_erasing.py are the reference; timm's operations must agree with them, and its
Mixup is the reference for mixing; torchvision's VideoClips is for sampling. Wherever the reference takes a
random number it gets the one that train/augment/ takes there (numbers() below repeats numbers.h), so that
whole pipelines are compared from key to clip. Pictures are made by picture(), which tests/test_augment.c
repeats in C; of 8-bit results a hash is kept, of floats every STEP-th.
"""

import math
import random
import sys
import types

import numpy as np
import PIL
import timm
import torch
import torchvision
from PIL import Image
from timm.data import auto_augment, mixup
from torchvision import transforms
from torchvision.datasets.video_utils import VideoClips

import hash as hash_numbers

sys.path.insert(0, sys.argv[1])
sys.modules["cv2"] = types.ModuleType("cv2")  # imported by the fork, for what is not used here
import rand_augment  # noqa: E402
import random_erasing  # noqa: E402
import video_transforms  # noqa: E402

STEP = 61
SIZE = 32  # of the pipelines' clips
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
NAMES = rand_augment._RAND_INCREASING_TRANSFORMS
SIGNED = {"Rotate", "ColorIncreasing", "ContrastIncreasing", "BrightnessIncreasing", "SharpnessIncreasing", "ShearX",
          "ShearY", "TranslateXRel", "TranslateYRel"}
PLAIN = {"AutoContrast", "Equalize", "Invert"}


def triangle(n, period):
    return np.abs(n % (2 * period) - period)


def picture(variant, t, width, height):
    """uint8 (height, width, 3): 0 busy, 1 of a narrow range, 2 flat."""
    y, x, c = np.mgrid[0:height, 0:width, 0:3]
    noise = hash_numbers.u64(hash_numbers.key_name(1, "augment"), ((t * 3 + c) * 4096 + y) * 4096 + x) >> np.uint64(59)
    level = 2 * triangle(x * (5 + c) + y * (7 - 2 * c) + 13 * t, 96) + triangle(x * y // (4 + c) + 17 * t, 64)
    level = np.minimum(level + noise.astype(np.int64), 255)
    if variant == 1:
        level = 90 + level // 4
    if variant == 2:
        level = 100 + 20 * c
    return level.astype(np.uint8)


def digest(array):
    value = 0xCBF29CE484222325
    for byte in np.ascontiguousarray(array).tobytes():
        value = ((value ^ byte) * 0x100000001B3) & ((1 << 64) - 1)
    return value


class Numbers:
    """train/augment/numbers.h"""

    def __init__(self, key):
        self.keys = [hash_numbers.key(key, 1, 0), hash_numbers.key(key, 2, 0)]
        self.used = [0, 0]

    def uniform(self):
        self.used[0] += 1
        return float(hash_numbers.uniform(self.keys[0], np.array([self.used[0] - 1]))[0])

    def normal(self):
        self.used[1] += 1
        return float(hash_numbers.normal(self.keys[1], np.array([self.used[1] - 1]))[0])

    def index(self, count):
        return min(int(self.uniform() * count), count - 1)

    def log_gamma(self, shape):
        boost = 0.0
        if shape < 1:
            boost, shape = math.log1p(-self.uniform()) / shape, shape + 1
        d = shape - 1.0 / 3
        while True:
            x = self.normal()
            root = 1 + x / math.sqrt(9 * d)
            if root <= 0:
                continue
            v = root**3
            if math.log1p(-self.uniform()) < x * x / 2 + d - d * v + d * math.log(v):
                return math.log(d * v) + boost

    def beta(self, alpha, _):
        a = self.log_gamma(alpha)
        return 1 / (1 + math.exp(self.log_gamma(alpha) - a))


def feed(numbers):
    """From now on the references draw from numbers."""
    random.random = np.random.rand = numbers.uniform
    random.uniform = lambda low, high: low + (high - low) * numbers.uniform()
    random.randint = lambda low, high: low + numbers.index(high - low + 1)
    random.gauss = lambda mean, deviation: mean + deviation * numbers.normal()
    np.random.choice = lambda ops, n, replace, p: [ops[numbers.index(len(ops))] for _ in range(n)]
    np.random.uniform = numbers.uniform
    np.random.beta = numbers.beta
    np.random.randint = lambda low, high, size=None: low + numbers.index(high - low)


# ---- Operations -------------------------------------------------------------------------------------------


def operation(name, magnitude, negative, pixels):
    random.random = lambda: 0.75 if negative else 0.25
    level = rand_augment.LEVEL_TO_ARG[name]
    arguments = level(magnitude, {}) if level else ()
    options = {"fillcolor": (128, 128, 128), "resample": Image.BICUBIC}
    result = rand_augment.NAME_TO_OP[name](Image.fromarray(pixels), *arguments, **options)
    theirs = auto_augment.NAME_TO_OP[name](Image.fromarray(pixels), *arguments, **options)
    assert np.array_equal(np.asarray(result), np.asarray(theirs)), name
    return (arguments[0] if arguments else 0), np.asarray(result)


def operations():
    print("static const OperationCase operation_cases[] = {")
    for kind, name in enumerate(NAMES):
        for magnitude in (7,) if name in PLAIN else (0, 0.37, 3, 6.2, 7, 7.93, 9.9):
            for negative in (0, 1) if name in SIGNED else (0,):
                for variant, width, height in ((0, 48, 40), (1, 37, 29), (2, 5, 3)):
                    argument, result = operation(name, magnitude, negative, picture(variant, 0, width, height))
                    print(f"{{{kind}, {magnitude}, {negative}, {argument!r}, {variant}, {width}, {height},"
                          f" 0x{digest(result):016x}}},")
    print("};")


# ---- Whole pipelines --------------------------------------------------------------------------------------


def noise_like(key, box):
    """What random erasing puts into frame after frame: box.noise(), called by the reference."""
    frame = [0]

    def noise(per_pixel, rand_color, patch_size, dtype, device):
        count = patch_size[1] * patch_size[2]
        words, values = (count + 1) // 2, []
        for c in range(3):
            bits = hash_numbers.u64(hash_numbers.key(key, 3, 0), (frame[0] * 3 + c) * words + np.arange(words))
            radius = np.sqrt(-2 * np.log(((bits >> np.uint64(40)).astype(np.float64) + 1) * 2.0**-24))
            turn = 2 * np.pi * ((bits & np.uint64(0xFFFFFF)).astype(np.float64) * 2.0**-24 - 0.5)
            values.append(np.stack([radius * np.cos(turn), radius * np.sin(turn)], 1).flatten()[:count])
        frame[0] += 1
        box[:] = [patch_size[2], patch_size[1]]
        return torch.tensor(np.stack(values), dtype=dtype).reshape(patch_size)

    return noise


def watch_operations(taken):
    """Each operation that is applied is noted with its argument."""
    for kind, name in enumerate(NAMES):
        original = rand_augment.NAME_TO_OP[name]
        original = getattr(original, "original", original)

        def noted(image, *arguments, kind=kind, original=original, **options):
            taken.append((kind, arguments[0] if arguments else 0))
            return original(image, *arguments, **options)

        noted.original = original
        rand_augment.NAME_TO_OP[name] = noted


def pipeline(item, width, height, frames):
    """vce_dense.py's _aug_frame, with the paper's arguments, on frames of a picture."""
    key = hash_numbers.key(7, 0, item)
    feed(Numbers(key))
    taken, box, crop = [], [0, 0], {}
    watch_operations(taken)
    images = [Image.fromarray(picture(0, t, width, height)) for t in range(frames)]
    augment = video_transforms.create_random_augment((SIZE, SIZE), "rand-m7-n4-mstd0.5-inc1", "bicubic")
    images = augment(images)
    eight = np.stack([np.asarray(i) for i in images])
    clip = torch.stack([transforms.ToTensor()(i) for i in images]).permute(0, 2, 3, 1)
    clip = ((clip - torch.tensor(MEAN)) / torch.tensor(STD)).permute(3, 0, 1, 2)

    chosen = video_transforms._get_param_spatial_crop

    def remember(*arguments, **options):
        crop["yxhw"] = chosen(*arguments, **options)
        return crop["yxhw"]

    video_transforms._get_param_spatial_crop = remember
    clip = video_transforms.random_resized_crop(clip, SIZE, SIZE, scale=[0.08, 1.0], ratio=[0.75, 1.3333])
    video_transforms._get_param_spatial_crop = chosen
    before = clip
    clip, _ = video_transforms.horizontal_flip(0.5, clip)
    flip = clip is not before
    before = clip.clone()
    random_erasing._get_pixels = noise_like(key, box)
    erasing = random_erasing.RandomErasing(0.25, mode="pixel", max_count=1, num_splits=1, device="cpu")
    clip = erasing(clip.permute(1, 0, 2, 3).clone()).permute(1, 0, 2, 3)
    erased = (clip != before).any(0).any(0).nonzero()
    corner = erased.min(0).values.tolist() if len(erased) else [0, 0]
    y, x, h, w = crop["yxhw"]
    applied = taken[::frames]
    return applied, (x, y, w, h), int(flip), (corner[1], corner[0], *box), digest(eight), clip


def pipelines():
    print("static const PipelineCase pipeline_cases[] = {")
    sizes = [(48, 40), (40, 61), (90, 30), (33, 47), (16, 64)]
    for item in range(40):
        width, height = sizes[item % len(sizes)]
        frames = 1 + item % 3
        ops, crop, flip, erase, eight, clip = pipeline(item, width, height, frames)
        print(f"{{{item}, {width}, {height}, {frames}, {{{len(ops)}, "
              f"{{{', '.join(f'{{{k}, {a!r}}}' for k, a in ops) or '{0, 0}'}}}, {', '.join(map(str, crop))}, {flip}, "
              f"{', '.join(map(str, erase))}}}, 0x{eight:016x},")
        print(f" {{{', '.join('%.7g' % v for v in clip.flatten()[::STEP].tolist())}}}}},")
    print("};")


# ---- Sampling and mixing ----------------------------------------------------------------------------------


def samples():
    print("static const SampleCase sample_cases[] = {")
    pairs = [(fps, frames) for fps in (30.0, 30000 / 1001, 25.0, 24000 / 1001, 12.5, 60.0, 4.0, 3.0, 59.9)
             for frames in (1, 16, 60, 113, 120, 121, 128, 1999, 20021)]
    for fps, frames in (*pairs, (60000 / 1001, 34100)):  # the last: where 32-bit floats round to another frame
        clips, _ = VideoClips.compute_clips_for_video(torch.arange(frames), 16, 1, fps, 4)
        shown = [clips[int(place * len(clips))].tolist() if len(clips) else [0] * 16 for place in (0, 0.5, 0.999)]
        text = ", ".join("{" + ", ".join(map(str, s)) + "}" for s in shown)
        print(f"{{{fps!r}, {frames}, {len(clips)}, {{{text}}}}},")
    print("};")


def mixes():
    print("static const MixCase mix_cases[] = {")
    for item, (alpha, beta) in enumerate([(0.8, 0), (0, 1), (0.8, 1), (0.8, 1), (0.1, 5), (0.1, 5), (0, 0.3), (2, 0)]):
        numbers = Numbers(hash_numbers.key(9, 0, item))
        feed(numbers)
        drawn = []
        mixer = mixup.Mixup(alpha, beta, prob=0.9, switch_prob=0.5, label_smoothing=0, num_classes=5, multi_label=True)
        original = mixup.cutmix_bbox_and_lam
        mixup.cutmix_bbox_and_lam = lambda *a, **o: drawn.append(original(*a, **o)) or drawn[-1]
        shares = mixer._params_per_batch
        mixer._params_per_batch = lambda: drawn.append(shares()) or drawn[-1]
        inputs = picture(0, item, 4 * 6 * 11 + 4 * 5, 13).transpose(2, 1, 0).astype(np.float32) / 255
        values = torch.tensor(inputs.flatten())
        clips, targets = values[: 4 * 6 * 13 * 11].reshape(4, 6, 13, 11), values[-20:].reshape(4, 5)
        clips, targets = mixer(clips.clone(), targets.clone())
        mixup.cutmix_bbox_and_lam = original
        share, cut = drawn[0]
        box = (0, 0, 0, 0)
        if len(drawn) > 1:
            (yl, yh, xl, xh), share = drawn[1]
            box = (xl, yl, xh - xl, yh - yl)
        print(f"{{{item}, {alpha}, {beta}, {{{float(share)!r}, {int(cut)}, {', '.join(str(int(v)) for v in box)}}},")
        print(f" {{{', '.join('%.7g' % v for v in clips.flatten()[::STEP].tolist())}}},")
        print(f" {{{', '.join('%.7g' % v for v in targets.flatten().tolist())}}}}},")
    print("};")


def main():
    print(f"/* By tools/golden/augment.py: Pillow {PIL.__version__}, torch {torch.__version__}, torchvision"
          f" {torchvision.__version__}, timm {timm.__version__}. */")
    operations()
    pipelines()
    samples()
    mixes()


if __name__ == "__main__":
    main()
