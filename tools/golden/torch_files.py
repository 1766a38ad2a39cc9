"""Tiny checkpoints as torch.save writes them, for tests/test_torch_file.c: tests/golden/torch_*.pth.

    python tools/golden/torch_files.py        (in the virtual environment of tools/bench-peers)

The test knows their contents: every float tensor is made of 0, 1, 2, ... in the order written here.
"""
import argparse
import collections
import pathlib

import torch

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "tests" / "golden"


def state():
    flat = torch.arange(24, dtype=torch.float32)
    return collections.OrderedDict([
        ("plain", flat.reshape(2, 3, 4)),
        ("permuted", flat.reshape(2, 3, 4).permute(2, 0, 1)),
        ("tail", flat[20:]),  # shares the storage
        ("parameter", torch.nn.Parameter(torch.arange(3.0))),
        ("half", torch.arange(4).half()),
        ("brain", torch.arange(4).bfloat16()),
        ("double", torch.arange(4).double()),
        ("bn.num_batches_tracked", torch.tensor(7)),
    ])


def main():
    model = torch.nn.BatchNorm1d(2)
    model.weight.data = torch.arange(2.0)
    checkpoint = {"epoch": 3, "best_acc1": torch.tensor(0.5), "arch": "é", "lr": 0.1, "seed": 2**64 - 1,
                  "state_dict": torch.nn.DataParallel(model).state_dict(),
                  "optimizer": torch.optim.AdamW(model.parameters()).state_dict()}
    torch.save(state(), FOLDER / "torch_state.pth")
    torch.save(state(), FOLDER / "torch_protocol4.pth", pickle_protocol=4)
    torch.save(state(), FOLDER / "torch_legacy.pth", _use_new_zipfile_serialization=False)
    torch.save(checkpoint, FOLDER / "torch_checkpoint.pth")
    # what hedon refuses: a whole module, and a dict with the arguments of a program
    torch.save(model, FOLDER / "torch_module.pth")
    torch.save({"model": model.state_dict(), "args": argparse.Namespace(lr=1)}, FOLDER / "torch_namespace.pth")


if __name__ == "__main__":
    main()
