"""Golden numbers of torch.optim in double: ten steps on recorded gradients, and of the losses.

    python tools/golden/optimisers.py > tests/golden/optimisers.json

Parameters and gradients come from hash.py, so that tests/test_optimisers.c makes the same ones.
"""

import json

import hash as hashed
import torch
import torch.nn.functional as F

STEPS = 10
SIZES = {"a": 15, "b": 7}


def symmetric(key, count):
    return torch.from_numpy(2 * hashed.uniform(key, count) - 1)


def optimiser(case, a, b):
    groups = [{"params": [a], "weight_decay": case["weight_decay"], "lr": case["rate"]},
              {"params": [b], "weight_decay": 0.0, "lr": case["rate"] * 0.75}]
    if case["kind"] == "sgd":
        return torch.optim.SGD(groups, momentum=case["momentum"], nesterov=case["nesterov"])
    return torch.optim.AdamW(groups, betas=(0.9, 0.99), eps=1e-8)


def run(case):
    parameters = {name: torch.nn.Parameter(symmetric(hashed.key_name(11, name), size))
                  for name, size in SIZES.items()}
    optimise = optimiser(case, *parameters.values())
    averages = {name: p.detach().clone() for name, p in parameters.items()}
    norms, first = [], None
    for step in range(STEPS):
        for index, parameter in enumerate(parameters.values()):
            parameter.grad = symmetric(hashed.key(13, step, index), parameter.numel()) * 0.5
        norms.append(float(torch.nn.utils.clip_grad_norm_(parameters.values(), case["clip"] or float("inf"))))
        optimise.step()
        for name, parameter in parameters.items():
            averages[name] = 0.9 * averages[name] + 0.1 * parameter.detach()
        first = first or {name: p.detach().tolist() for name, p in parameters.items()}
    return dict(case, norms=norms, first=first, last={n: p.detach().tolist() for n, p in parameters.items()},
                average={n: p.tolist() for n, p in averages.items()})


def plackett_luce(utilities):
    """Least to most pleasant: the last is chosen first among all, and so on."""
    return sum(torch.logsumexp(utilities[:k + 1], 0) - utilities[k] for k in range(1, len(utilities)))


def losses():
    logits = 4 * symmetric(hashed.key(17, 0, 0), 28).reshape(4, 7)
    targets = torch.from_numpy(hashed.uniform(hashed.key(17, 0, 1), 28)).reshape(4, 7)
    shares = targets / targets.sum(1, keepdim=True)
    less, more = logits.flatten()[0::2], logits.flatten()[1::2]
    lists = logits.flatten()[:16].reshape(4, 4)
    return {
        "bce": float(F.binary_cross_entropy_with_logits(logits, targets)),
        "cross_entropy": float(F.cross_entropy(logits, shares)),
        "kl": float(F.kl_div(F.log_softmax(logits, 1), shares, reduction="batchmean")),
        "pairs": float(-F.logsigmoid(more - less).mean()),
        "pairs_margin": float(-F.logsigmoid(more - less - 0.3).mean()),
        "lists": float(sum(plackett_luce(u) for u in lists) / 4),
    }


CASES = [
    {"kind": "sgd", "momentum": 0.9, "nesterov": True, "rate": 0.05, "weight_decay": 0.0, "clip": 0.0},
    {"kind": "sgd", "momentum": 0.9, "nesterov": False, "rate": 0.05, "weight_decay": 0.01, "clip": 0.7},
    {"kind": "sgd", "momentum": 0.0, "nesterov": False, "rate": 0.1, "weight_decay": 0.02, "clip": 0.0},
    {"kind": "adamw", "momentum": 0.0, "nesterov": False, "rate": 0.01, "weight_decay": 0.05, "clip": 0.0},
    {"kind": "adamw", "momentum": 0.0, "nesterov": False, "rate": 0.01, "weight_decay": 0.05, "clip": 0.7},
]

print(json.dumps({"made_by": f"tools/golden/optimisers.py, torch {torch.__version__}, double",
                  "losses": losses(), "cases": [run(case) for case in CASES]}, indent=0))
