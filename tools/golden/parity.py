"""Golden logits of torchvision's video ResNets in double: tests/golden/parity.json.

    python tools/golden/parity.py [--out FILE] [--only ARCHITECTURE]

Weights and clips are hash-made (weights.py), so that only the logits are stored. About ten minutes on
two cores. tests/test_parity.c compares.
"""
import argparse
import json

import numpy as np
import torch
import torchvision

import weights

WEIGHT_SEED, CLIP_SEED, CLIPS = 1, 7, 4
CASES = [  # architecture, frames, size; the first of each architecture is the small one
    ("r2plus1d_18", 4, 32),
    ("r2plus1d_18", 8, 112),
    ("r2plus1d_18", 16, 112),
    ("r2plus1d_18", 8, 128),
    ("r2plus1d_18", 16, 128),
    ("mc3_18", 4, 32),
    ("mc3_18", 8, 64),
    ("r3d_18", 4, 32),
    ("r3d_18", 8, 64),
]


def build(architecture, seed):
    """torchvision's model with both heads as one classifier: 27 emotions, then the utility."""
    model = getattr(torchvision.models.video, architecture)(weights=None, num_classes=28).eval()
    state = model.state_dict()
    made = weights.backbone({name: tuple(t.shape) for name, t in state.items()}, seed)
    heads = weights.heads(state["fc.weight"].shape[1], seed)
    made["fc.weight"] = np.concatenate([heads["head.emotions.weight"], heads["head.utility.weight"]])
    made["fc.bias"] = np.append(heads["head.emotions.bias"], np.float32(0))
    state.update({name: torch.from_numpy(values) for name, values in made.items()})
    model.load_state_dict(state)
    return model


def logits(model, clips):
    with torch.no_grad():
        return np.concatenate([model(torch.from_numpy(clip[None]).double()).numpy() for clip in clips])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", default="tests/golden/parity.json")
    parser.add_argument("--only", help="one architecture")
    arguments = parser.parse_args()
    cases = []
    for architecture, frames, size in CASES:
        if arguments.only not in (None, architecture):
            continue
        model = build(architecture, WEIGHT_SEED).double()
        out = logits(model, weights.clips(CLIPS, frames, size, CLIP_SEED))
        cases.append({"architecture": architecture, "frames": frames, "size": size,
                      "emotions": out[:, :27].tolist(), "utility": out[:, 27:].tolist()})
        print(architecture, frames, size, "spread", out.std(0, ddof=1).mean(), flush=True)
    document = {"made_by": f"tools/golden/parity.py, torch {torch.__version__}, double",
                "weight_seed": WEIGHT_SEED, "clip_seed": CLIP_SEED, "cases": cases}
    with open(arguments.out, "w") as file:
        json.dump(document, file, indent=0)
        file.write("\n")


if __name__ == "__main__":
    main()
