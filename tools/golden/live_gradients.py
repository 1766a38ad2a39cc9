"""Gradients on the cpu backend beside PyTorch's: see tools/parity-training, which runs this.

In float32 a ReLU whose input is near enough to zero is on where it is off in double, which turns its part of
the gradient on or off. With seed 1 at full size that happens to 85 of 124 million outputs in eager PyTorch, 572
in channels-last and 86 in hedon, while activations differ by 1e-5. So one batch is a draw: over five seeds
eager PyTorch with the input's colours in another order has up to three tensors beyond twice its own distance.
The measure is therefore the root mean square over several seeds, tensor by tensor. Clips much smaller than
16x112x112 have too few positions in the last stage for it to settle.
"""
import argparse
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import safetensors.numpy
import safetensors.torch
import torch
import torchvision

import hash as hash_numbers
import weights

LIMIT = 2
LAYOUTS = {"eager": torch.contiguous_format, "channels-last": torch.channels_last_3d}


def gradients(state, clips, targets, dtype, layout):
    """One backward pass from a state dict: name -> float64 array."""
    model = torchvision.models.video.r2plus1d_18(weights=None, num_classes=27).train()
    model.load_state_dict(state)
    model = model.to(dtype=dtype, memory_format=layout)
    outputs = model(torch.from_numpy(clips).to(dtype=dtype, memory_format=layout))
    wanted = torch.from_numpy(targets).to(dtype)
    torch.nn.functional.binary_cross_entropy_with_logits(outputs, wanted).backward()
    return {name: p.grad.double().numpy() for name, p in model.named_parameters()}


def of_hedon(arguments, state, clips, targets):
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        safetensors.torch.save_file(state, folder / "state.safetensors")
        np.save(folder / "clips.npy", clips)
        np.save(folder / "targets.npy", targets)
        subprocess.run([arguments.hedon, "import", folder / "state.safetensors", "--arch", "r2plus1d_18",
                        "--out", folder / "model.safetensors"], check=True, stdout=subprocess.DEVNULL)
        subprocess.run([arguments.program, folder / "model.safetensors", folder / "clips.npy",
                        folder / "targets.npy", folder / "gradients.safetensors"], check=True)
        made = safetensors.numpy.load_file(folder / "gradients.safetensors")
    return {name.replace("head.emotions.", "fc."): values.astype(np.float64) for name, values in made.items()}


def distances(of, double):
    return np.array([np.linalg.norm(of[name] - double[name]) / np.linalg.norm(double[name]) for name in double])


def one_seed(arguments, seed):
    """Names of the parameters, and each mode's distances from PyTorch in double, in their order."""
    torch.manual_seed(seed)
    state = torchvision.models.video.r2plus1d_18(weights=None, num_classes=27).state_dict()
    clips = weights.clips(arguments.batch, arguments.frames, arguments.size, seed)
    uniform = hash_numbers.uniform(hash_numbers.key_name(seed, "targets"), 27 * arguments.batch)
    targets = (np.round(120 * uniform) / 120).astype(np.float32).reshape(arguments.batch, 27)
    double = gradients(state, clips, targets, torch.float64, torch.contiguous_format)
    found = {"hedon": distances(of_hedon(arguments, state, clips, targets), double)}
    for mode, layout in LAYOUTS.items():
        found[mode] = distances(gradients(state, clips, targets, torch.float32, layout), double)
    return list(double), found


def summary(label, names, ours, theirs):
    ratio = ours / theirs
    worst = int(ratio.argmax())
    return (f"{label}: median distance {np.median(ours):.1e} (theirs {np.median(theirs):.1e}), ratio median "
            f"{np.median(ratio):.2f}, worst {ratio[worst]:.2f} ({names[worst]}), over {LIMIT}: "
            f"{(ratio > LIMIT).sum()} of {ratio.size}")


def main():
    parser = argparse.ArgumentParser(prog="tools/parity-training")
    parser.add_argument("--seeds", default="1,2,3,4,5")
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--frames", type=int, default=16)
    parser.add_argument("--size", type=int, default=112)
    parser.add_argument("--hedon", default="build/release/hedon")
    parser.add_argument("--program", default="build/release/tests/gradient_file")
    parser.add_argument("--tensors", action="store_true", help="a line for each tensor")
    arguments = parser.parse_args()
    squares = {}
    seeds = [int(seed) for seed in arguments.seeds.split(",")]
    for seed in seeds:
        names, found = one_seed(arguments, seed)
        for mode, values in found.items():
            squares[mode] = squares.get(mode, 0) + values**2 / len(seeds)
        for mode in LAYOUTS:
            print(summary(f"seed {seed}, against {mode}", names, found["hedon"], found[mode]), flush=True)
    rms = {mode: np.sqrt(values) for mode, values in squares.items()}
    for mode in LAYOUTS:
        print(summary(f"all seeds, against {mode}", names, rms["hedon"], rms[mode]))
    if arguments.tensors:
        for i, name in enumerate(names):
            print(f"{name:32}", " ".join(f"{mode} {values[i]:.2e}" for mode, values in rms.items()))
    return 0 if (rms["hedon"] <= LIMIT * rms["eager"]).all() else 1


if __name__ == "__main__":
    sys.exit(main())
