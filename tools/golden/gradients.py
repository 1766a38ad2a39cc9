"""Golden gradients of full R(2+1)D-18 in double and eager PyTorch's distance from them: tests/golden/gradients.json.

    python tools/golden/gradients.py [--out FILE]

Weights, clips and targets are hash-made (weights.py); several batches, since one is a draw (live_gradients.py).
Tensors are not stored but their norms and products with hash-made vectors of unit variance, from which
tests/test_gradients.c estimates the distance of hedon's. The float32 distances are PyTorch's eager mode's, exact,
the root mean square over the batches.
"""
import argparse
import json
import math

import numpy as np
import torch
import torchvision

import hash as hash_numbers
import weights
from live_gradients import distances, gradients

BATCHES, CLIPS, FRAMES, SIZE = 5, 2, 16, 80
WEIGHT_SEED, CLIP_SEED, VECTOR_SEED, VECTORS = 1, 7, 5, 8


def state_dict():
    state = torchvision.models.video.r2plus1d_18(weights=None, num_classes=27).state_dict()
    made = weights.backbone({name: tuple(t.shape) for name, t in state.items()}, WEIGHT_SEED)
    for name, values in weights.heads(512, WEIGHT_SEED).items():
        if name.startswith("head.emotions."):
            made[name.replace("head.emotions", "fc")] = values
    state.update({name: torch.from_numpy(values) for name, values in made.items()})
    return state


def targets(batch):
    """(CLIPS,27) multiples of 1/120 as float32."""
    uniform = hash_numbers.uniform(hash_numbers.key(CLIP_SEED, 3, batch), CLIPS * 27)
    return (np.floor(121 * uniform) / 120).astype(np.float32).reshape(CLIPS, 27)


def products(name, of_batches):
    """(BATCHES,VECTORS) of a tensor's gradients, 13 digits."""
    key, count = hash_numbers.key_name(VECTOR_SEED, name), of_batches[0].size
    made = np.empty((len(of_batches), VECTORS))
    for k in range(VECTORS):
        counters = np.arange(k * count, (k + 1) * count, dtype=np.uint64)
        vector = math.sqrt(3) * (2 * hash_numbers.uniform(key, counters) - 1)
        made[:, k] = [values.ravel() @ vector for values in of_batches]
    return [[float(f"{value:.12e}") for value in row] for row in made.tolist()]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", default="tests/golden/gradients.json")
    arguments = parser.parse_args()
    state, double, eager = state_dict(), [], []
    for batch in range(BATCHES):
        made = weights.clips(CLIPS, FRAMES, SIZE, CLIP_SEED + batch), targets(batch)
        double.append(gradients(state, *made, torch.float64, torch.contiguous_format))
        eager.append(distances(gradients(state, *made, torch.float32, torch.contiguous_format), double[-1]))
        print(batch, "median", np.median(eager[-1]), "greatest", eager[-1].max(), flush=True)
    tensors = {}
    for name, eager_rms in zip(double[0], np.sqrt(np.mean(np.square(eager), axis=0))):
        of_batches = [one[name] for one in double]
        ours = name.replace("fc.", "head.emotions.")
        tensors[ours] = {"eager": float(f"{eager_rms:.4e}"), "products": products(ours, of_batches),
                         "norms": [float(f"{np.linalg.norm(values):.8e}") for values in of_batches]}
    with open(arguments.out, "w") as file:
        json.dump({"made_by": f"tools/golden/gradients.py, torch {torch.__version__}", "tensors": tensors}, file,
                  indent=None, separators=(",", ":"))
        file.write("\n")


if __name__ == "__main__":
    main()
