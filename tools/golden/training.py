"""Golden training in double: ten steps of a narrow R(2+1)D on both recipes: tests/golden/training.json.

    python tools/golden/training.py [--out FILE]

The network is models/r2plus1d_tiny.c's, built from torchvision's blocks; weights, clips and targets are
hash-made (weights.py). Without augmentation and drop path, at a constant learning rate; everything else as
the recipes say: VCE by BCE on soft targets, AdamW, layer-wise decay; V2V by Bradley-Terry, SGD with
Nesterov momentum. Tensors are not stored but their norms and products with hash-made vectors of unit
variance, from which tests/test_training_parity.c estimates the distance of all weights.
"""
import argparse
import json
import math

import numpy as np
import torch
from torch import nn
from torchvision.models.video.resnet import BasicBlock, Conv2Plus1D, VideoResNet

import hash as hash_numbers
import weights

STEPS, CLIPS, FRAMES, SIZE, WIDTH = 10, 4, 3, 17, 16
WEIGHT_SEED, CLIP_SEED, VECTOR_SEED, VECTORS = 1, 7, 5, 4
RECIPES = {"vce": {"head": "emotions", "rate": 5e-4}, "v2v": {"head": "utility", "rate": 0.01}}


class Stem(nn.Sequential):
    def __init__(self):
        super().__init__(
            nn.Conv3d(3, WIDTH, (1, 7, 7), stride=(1, 2, 2), padding=(0, 3, 3), bias=False),
            nn.BatchNorm3d(WIDTH), nn.ReLU(),
            nn.Conv3d(WIDTH, WIDTH, (3, 1, 1), padding=(1, 0, 0), bias=False),
            nn.BatchNorm3d(WIDTH), nn.ReLU())


class Narrow(VideoResNet):
    """torchvision's own with another width: its constructor has 64 to 512 written in."""

    def __init__(self, outputs, bias):
        nn.Module.__init__(self)
        self.inplanes = WIDTH
        self.stem = Stem()
        for stage in range(4):
            layer = self._make_layer(BasicBlock, Conv2Plus1D, WIDTH << stage, 1, stride=1 + (stage > 0))
            setattr(self, f"layer{stage + 1}", layer)
        self.avgpool = nn.AdaptiveAvgPool3d(1)
        self.fc = nn.Linear(8 * WIDTH, outputs, bias=bias)


def build(head):
    model = Narrow(*{"emotions": (27, True), "utility": (1, False)}[head])
    state = model.state_dict()
    made = weights.backbone({name: tuple(t.shape) for name, t in state.items()}, WEIGHT_SEED)
    for name, values in weights.heads(8 * WIDTH, WEIGHT_SEED).items():
        if name.startswith(f"head.{head}."):
            made[name.replace(f"head.{head}", "fc")] = values
    state.update({name: torch.from_numpy(values) for name, values in made.items()})
    model.load_state_dict(state)
    return model.double().train()


def layer_of(name):
    """0 the stem, 1 to 4 the stages, 5 the head."""
    return 0 if name.startswith("stem") else int(name[5]) if name.startswith("layer") else 5


def optimiser_of(recipe, model):
    if recipe == "v2v":
        return torch.optim.SGD(model.parameters(), lr=RECIPES[recipe]["rate"], momentum=0.9, nesterov=True)
    groups = [{"params": [p], "lr": RECIPES[recipe]["rate"] * 0.75 ** (5 - layer_of(name)),
               "weight_decay": 0.05 if p.ndim > 1 else 0} for name, p in model.named_parameters()]
    return torch.optim.AdamW(groups, betas=(0.9, 0.999), eps=1e-8)


def targets(step):
    """(CLIPS,27) multiples of 1/120 as float32."""
    uniform = hash_numbers.uniform(hash_numbers.key(CLIP_SEED, 3, step), CLIPS * 27)
    return (np.floor(121 * uniform) / 120).astype(np.float32).reshape(CLIPS, 27)


def loss_of(recipe, outputs, step):
    if recipe == "vce":
        wanted = torch.from_numpy(targets(step)).double()
        return nn.functional.binary_cross_entropy_with_logits(outputs, wanted)
    less, more = outputs[0::2, 0], outputs[1::2, 0]
    return -nn.functional.logsigmoid(more - less).mean()


def described(name, values):
    key = hash_numbers.key_name(VECTOR_SEED, name)
    flat = values.detach().numpy().ravel()
    vectors = math.sqrt(3) * (2 * hash_numbers.uniform(key, VECTORS * flat.size).reshape(VECTORS, -1) - 1)
    return {"norm": float(np.linalg.norm(flat)), "products": (vectors @ flat).tolist()}


def train(recipe):
    head = RECIPES[recipe]["head"]
    model = build(head)
    optimiser = optimiser_of(recipe, model)
    losses = []
    for step in range(STEPS):
        clips = torch.from_numpy(weights.clips(CLIPS, FRAMES, SIZE, CLIP_SEED + step)).double()
        optimiser.zero_grad()
        loss = loss_of(recipe, model(clips), step)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
        print(recipe, step, loss.item(), flush=True)
    tensors = {name.replace("fc.", f"head.{head}."): values for name, values in model.state_dict().items()
               if not name.endswith("num_batches_tracked")}
    return {"rate": RECIPES[recipe]["rate"], "losses": losses,
            "tensors": {name: described(name, values) for name, values in tensors.items()}}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", default="tests/golden/training.json")
    arguments = parser.parse_args()
    document = {"made_by": f"tools/golden/training.py, torch {torch.__version__}, double",
                **{recipe: train(recipe) for recipe in RECIPES}}
    with open(arguments.out, "w") as file:
        json.dump(document, file, indent=0)
        file.write("\n")


if __name__ == "__main__":
    main()
