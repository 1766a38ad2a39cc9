"""Live parity with PyTorch: see tools/parity, which runs this."""
import argparse
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import safetensors.torch
import torch

import parity
import weights

LIMIT = 1e-4


def compare(arguments, architecture, folder):
    """Greatest error as a share of the spread: (hedon against double, torch's own float32 against it)."""
    model = parity.build(architecture, arguments.seed)
    state = {name: tensor for name, tensor in model.state_dict().items()}
    # one head a file: the 27 emotions, as a checkpoint trained on VCE has them
    state["fc.weight"], state["fc.bias"] = state["fc.weight"][:27].clone(), state["fc.bias"][:27].clone()
    safetensors.torch.save_file(state, folder / "state.safetensors")
    clips = weights.clips(arguments.clips, arguments.frames, arguments.size, arguments.seed + 1)
    np.save(folder / "clips.npy", clips)
    subprocess.run([arguments.hedon, "import", folder / "state.safetensors", "--arch", architecture,
                    "--out", folder / "model.safetensors"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run([arguments.hedon, "infer", folder / "model.safetensors", "--input", folder / "clips.npy",
                    "--output", folder / "logits.npy"], check=True, stdout=subprocess.DEVNULL)
    ours = np.load(folder / "logits.npy")
    with torch.no_grad():
        single = model(torch.from_numpy(clips)).numpy()[:, :27]
    double = parity.logits(model.double(), clips)[:, :27]
    spread = np.sqrt(double.var(0, ddof=1).mean())
    return np.abs(ours - double).max() / spread, np.abs(single - double).max() / spread


def main():
    parser = argparse.ArgumentParser(prog="tools/parity")
    parser.add_argument("architectures", nargs="*", default=["r2plus1d_18", "mc3_18", "r3d_18"])
    parser.add_argument("--clips", type=int, default=4)
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--size", type=int, default=112)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--hedon", default="build/release/hedon")
    arguments = parser.parse_args()
    failed = False
    for architecture in arguments.architectures:
        with tempfile.TemporaryDirectory() as folder:
            ours, theirs = compare(arguments, architecture, pathlib.Path(folder))
        print(f"{architecture}: greatest error {ours:.1e} of the spread (limit {LIMIT:.0e}; "
              f"torch float32 {theirs:.1e})", flush=True)
        failed |= not ours <= LIMIT
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
