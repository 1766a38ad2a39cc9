#!/usr/bin/env python3
"""Learning rates and layer-decay groups as PyTorch and the paper's fork have them, for
tests/test_train_parts.c. usage: tools/golden/schedules.py > tests/golden/schedules.inc

Rates come from torch.optim.lr_scheduler where torch has the schedule, and from VideoMAE's
cosine_scheduler (numpy.linspace warm-up, then cosine), restated here, where it does not. Groups come
from BEiT's get_num_layer_for_vit, restated likewise.
"""
import math

import numpy as np
import torch


def videomae_cosine(base, final, epochs, steps_per_epoch, warmup_epochs):
    warmup_steps = warmup_epochs * steps_per_epoch
    warmup = np.linspace(0, base, warmup_steps) if warmup_epochs else np.array([])
    count = epochs * steps_per_epoch - warmup_steps
    return list(warmup) + [final + 0.5 * (base - final) * (1 + math.cos(math.pi * i / count))
                           for i in range(count)]


def torch_rates(make, base, steps):
    parameter = torch.nn.Parameter(torch.zeros(1, dtype=torch.float64))
    optimiser = torch.optim.SGD([parameter], lr=base)
    schedule, rates = make(optimiser), []
    for _ in range(steps):
        rates.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        schedule.step()
    return rates


def vit_layer(name, layers):
    """get_num_layer_for_vit with num_max_layer = layers."""
    if name in ("cls_token", "mask_token", "pos_embed") or name.startswith("patch_embed"):
        return 0
    if name.startswith("rel_pos_bias"):
        return layers - 1
    if name.startswith("blocks"):
        return int(name.split(".")[1]) + 1
    return layers - 1


def array(name, values):
    print(f"static const double {name}[] = {{")
    for value in values:
        print(f"    {float(value)!r},")
    print("};")


def main():
    print("/* Made by tools/golden/schedules.py; torch", torch.__version__, "*/")
    # the VCE recipe at a total batch of 8: 5e-4 and 1e-6 times 8 / 256, 5 of 50 epochs warm-up
    scale = 8 / 256
    array("golden_vce", videomae_cosine(5e-4 * scale, 1e-6 * scale, 50, 3, 5))
    # the V2V recipe: .01 to 0 over 10 epochs
    array("golden_v2v", torch_rates(
        lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, T_max=40), 0.01, 40))
    array("golden_step", torch_rates(
        lambda o: torch.optim.lr_scheduler.MultiStepLR(o, milestones=[4, 10], gamma=0.1), 0.5, 16))
    names = ["patch_embed.proj.weight", "pos_embed", "cls_token", "blocks.0.attn.qkv.weight",
             "blocks.6.mlp.fc1.bias", "blocks.11.norm2.weight", "fc_norm.weight",
             "head.emotions.weight"]
    print("static const struct {\n    const char *name;\n    double scale;\n} golden_groups[] = {")
    for name in names:
        print(f'    {{"{name}", {0.75 ** (13 - vit_layer(name, 14))!r}}},')
    print("};")


if __name__ == "__main__":
    main()
