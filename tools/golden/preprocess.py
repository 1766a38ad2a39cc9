#!/usr/bin/env python3
"""Golden numbers for pre-processing, from PyTorch and torchvision (and swscale, through PyAV).

    python tools/golden/preprocess.py > tests/golden/preprocess.inc

Pictures are made by picture(), which tests/test_preprocess.c repeats in C. Each case is computed twice:
  exact:  RGB in double precision -> torch.nn.functional.interpolate in double -> normalise
  eight:  RGB rounded to 8 bits -> torchvision's resize, crop and normalise on uint8, as its
          VideoClassification preset does it (and by that preset itself where it can)
Every 7th column and row of the 112x112 crops is kept. The conversion to 8-bit RGB is held against swscale's.
"""

import sys

import av
import numpy as np
import torch
import torchvision
import torchvision.transforms.functional as F
from torchvision.transforms._presets import VideoClassification
from torchvision.transforms import InterpolationMode

import hash as hash_numbers

MEAN, STD = (0.43216, 0.394666, 0.37645), (0.22803, 0.22145, 0.216989)
CROP, STEP = 112, 7
LUMA = {"BT601": (0.299, 0.587, 0.114), "BT709": (0.2126, 0.7152, 0.0722), "BT2020": (0.2627, 0.6780, 0.0593)}

# name, layout, width, height, bits, matrix, full range, resize (width, height), bicubic, antialias, flip
CASES = [
    ("preset", "YUV420", 320, 240, 8, "BT601", 0, (171, 128), 0, 0, 0),
    ("720p antialias", "YUV420", 1280, 720, 8, "BT709", 0, (171, 128), 0, 1, 0),
    ("odd bicubic", "YUV420", 321, 241, 8, "BT601", 0, (171, 128), 1, 0, 1),
    ("422 bicubic antialias", "YUV422", 641, 363, 8, "BT709", 1, (171, 128), 1, 1, 0),
    ("444 enlarged", "YUV444", 60, 45, 8, "BT601", 1, (150, 112), 0, 0, 0),
    ("enlarged antialias bicubic", "YUV420", 61, 47, 8, "BT601", 0, (150, 113), 1, 1, 0),
    ("10 bits", "YUV420", 426, 240, 10, "BT2020", 0, (200, 112), 0, 1, 1),
    ("12 bits full", "YUV444", 200, 150, 12, "BT2020", 1, (150, 112), 1, 0, 0),
    ("rgb", "RGB", 400, 300, 8, "BT601", 1, (150, 112), 1, 1, 0),
    ("gray", "GRAY", 200, 300, 8, "BT601", 0, (112, 168), 0, 0, 0),
]


def picture(plane, width, height, bits, luma, full):
    """Smooth blobs with a little noise: integers below 2**bits, chroma at half its range."""
    key = hash_numbers.key_name(1, "picture")
    y, x = np.mgrid[0:height, 0:width]
    i, j, fx, fy = x // 16, y // 16, x % 16, y % 16

    def corner(di, dj):
        return (hash_numbers.u64(key, (plane * 4096 + j + dj) * 4096 + i + di) >> np.uint64(56)).astype(np.int64)

    top = corner(0, 0) * (16 - fx) + corner(1, 0) * fx
    bottom = corner(0, 1) * (16 - fx) + corner(1, 1) * fx
    smooth = top * (16 - fy) + bottom * fy
    counter = (1 << 60) + (plane << 40) + (y << 20) + x
    noise = (hash_numbers.u64(key, counter) >> np.uint64(56)).astype(np.int64) - 128
    level = np.clip(smooth + 8 * noise, 0, 65535)
    if not luma:
        level = 16384 + level // 2
    elif not full:
        level = 4096 + level * 219 // 256
    return level >> (16 - bits)


def planes(layout, width, height, bits, full):
    half_x, half_y = layout in ("YUV420", "YUV422"), layout == "YUV420"
    result = [picture(0, width, height, bits, True, full or layout == "RGB")]
    for plane in (1, 2) if layout != "GRAY" else ():
        size = ((width + 1) // 2 if half_x else width, (height + 1) // 2 if half_y else height)
        result.append(picture(plane, *size, bits, layout == "RGB", 1))
    return result


def rgb(layout, width, height, bits, matrix, full, samples):
    """float64 (3, height, width), clamped to 0..1."""
    top, unit = 2.0**bits - 1, 2.0 ** (bits - 8)
    if layout == "RGB":
        return np.stack(samples) / top
    luma = samples[0] / top if full else (samples[0] - 16 * unit) / (219 * unit)
    if layout == "GRAY":
        return np.clip(np.stack([luma] * 3), 0, 1)
    x = np.arange(width) >> (layout != "YUV444")
    y = np.arange(height) >> (layout == "YUV420")
    cb, cr = ((s[np.ix_(y, x)] - 128 * unit) / (top if full else 224 * unit) for s in samples[1:])
    kr, kg, kb = LUMA[matrix]
    red, blue = luma + (2 - 2 * kr) * cr, luma + (2 - 2 * kb) * cb
    return np.clip(np.stack([red, (luma - kr * red - kb * blue) / kg, blue]), 0, 1)


def check_against_swscale(name, layout, matrix, full, samples, exact):
    """The matrix and the replicated chroma are swscale's. Its x86 converter truncates, which darkens every
    pixel by 1 (green: 1.5) of 255 on average; what is left without that constant is rounding. Pictures of odd
    height take another path there, with interpolated chroma, as do other layouts."""
    space = {"BT601": "ITU601", "BT709": "ITU709"}.get(matrix)
    height, width = samples[0].shape
    if not space or layout != "YUV420" or height % 2:
        return
    frame = av.VideoFrame(width, height, "yuv420p")
    for plane, values in zip(frame.planes, samples):
        rows = np.zeros((plane.height, plane.line_size), np.uint8)
        rows[:, : values.shape[1]] = values
        plane.update(rows)
    scaled = frame.reformat(format="rgb24", src_colorspace=space, src_color_range="JPEG" if full else "MPEG",
                            dst_color_range="JPEG").to_ndarray()
    difference = scaled.transpose(2, 0, 1) - 255 * exact
    offset = difference.mean((1, 2), keepdims=True)
    rest = np.abs(difference - offset).mean()
    print(f"{name}: swscale's RGB is off by {offset.flatten().round(2)} of 255, then by {rest:.2f}", file=sys.stderr)
    assert rest < 0.5 and np.abs(offset).max() < 2


def initialiser(values, form):
    return ",".join(form % v for v in values.flatten().tolist())


def main():
    print(f"/* By tools/golden/preprocess.py: torch {torch.__version__}, torchvision {torchvision.__version__}. */")
    mean, std = (torch.tensor(v, dtype=torch.float64).view(3, 1, 1) for v in (MEAN, STD))
    print("static const GoldenCase golden_cases[] = {")
    for name, layout, width, height, bits, matrix, full, resize, bicubic, antialias, flip in CASES:
        samples = planes(layout, width, height, bits, full)
        exact = torch.from_numpy(rgb(layout, width, height, bits, matrix, full, samples))
        eight = (exact * 255).round().to(torch.uint8)
        check_against_swscale(name, layout, matrix, full, samples, exact.numpy())
        size = (resize[1], resize[0])

        resized = torch.nn.functional.interpolate(
            exact[None], size, mode="bicubic" if bicubic else "bilinear", align_corners=False,
            antialias=bool(antialias))[0].clamp(0, 1)
        exact = (F.center_crop(resized, [CROP, CROP]) - mean) / std
        mode = InterpolationMode.BICUBIC if bicubic else InterpolationMode.BILINEAR
        if antialias:
            cropped = F.center_crop(F.resize(eight, size, mode, antialias=True), [CROP, CROP])
            eight = F.normalize(F.convert_image_dtype(cropped, torch.float), MEAN, STD)
        else:
            preset = VideoClassification(crop_size=(CROP, CROP), resize_size=size, interpolation=mode)
            eight = preset(eight[None])[:, 0]
        if flip:
            exact, eight = F.hflip(exact), F.hflip(eight)

        crop_x, crop_y = (int(round((side - CROP) / 2.0)) for side in resize)
        print(f'{{"{name}",')
        print(f" {{.width = {width}, .height = {height}, .layout = HEDON_PIXEL_{layout}, .bits = {bits},"
              f" .matrix = HEDON_MATRIX_{matrix}, .full_range = {full}}},")
        print(f" {{0, 0, {width}, {height}, {resize[0]}, {resize[1]}, {'HEDON_BICUBIC' if bicubic else 'HEDON_BILINEAR'},"
              f" {antialias}, {crop_x}, {crop_y}, {CROP}, {CROP}, {flip}, GOLDEN_MEAN, GOLDEN_STD}},")
        print(f" {{{initialiser(exact[:, ::STEP, ::STEP], '%.7g')}}},")
        print(f" {{{initialiser(eight[:, ::STEP, ::STEP], '%.5g')}}}}},")
    print("};")


if __name__ == "__main__":
    main()
