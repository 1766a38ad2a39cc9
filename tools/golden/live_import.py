"""hedon import of a full-size torchvision model, saved by torch.save in every way that people save one,
against the same weights as safetensors: the model files' tensors have to be the same bytes.

    python tools/golden/live_import.py [--hedon PROGRAM] [ARCHITECTURE...]
"""
import argparse
import pathlib
import subprocess
import sys
import tempfile
import zipfile

import safetensors
import safetensors.torch
import torch
import torchvision


def tensors(path):
    with safetensors.safe_open(path, "pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}


def save_compressed(state, path):
    plain = path.with_suffix(".plain")
    torch.save(state, plain)
    with zipfile.ZipFile(plain) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))


def variants(model, folder):
    """(what, file): the state dict saved in different ways."""
    state = model.state_dict()
    torch.save(state, folder / "plain.pth")
    yield "torch.save(state_dict)", folder / "plain.pth"
    torch.save(state, folder / "legacy.pth", _use_new_zipfile_serialization=False)
    yield "before 1.6", folder / "legacy.pth"
    torch.save(state, folder / "protocol5.pth", pickle_protocol=5)
    yield "protocol 5", folder / "protocol5.pth"
    optimizer = torch.optim.SGD(model.parameters(), lr=.1, momentum=.9)
    torch.save({"epoch": 1, "state_dict": torch.nn.DataParallel(model).state_dict(),
                "optimizer": optimizer.state_dict()}, folder / "training.pth")
    yield "training checkpoint", folder / "training.pth"
    channels_last = {name: t.to(memory_format=torch.channels_last_3d) if t.dim() == 5 else t
                     for name, t in state.items()}
    torch.save(channels_last, folder / "channels_last.pth")
    yield "channels-last strides", folder / "channels_last.pth"
    save_compressed(state, folder / "compressed.pth")
    yield "zipped again, compressed", folder / "compressed.pth"


def convert(hedon, architecture, source, out):
    done = subprocess.run([hedon, "import", source, "--arch", architecture, "--out", out], text=True,
                          capture_output=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    return done.stdout.splitlines()


def main():
    parser = argparse.ArgumentParser(prog="live_import.py")
    parser.add_argument("architectures", nargs="*", default=["r2plus1d_18"])
    parser.add_argument("--hedon", default="build/release/hedon")
    arguments = parser.parse_args()
    failed = False
    for architecture in arguments.architectures:
        torch.manual_seed(1)
        model = getattr(torchvision.models.video, architecture)()
        for name, buffer in model.named_buffers():
            if buffer.is_floating_point():
                buffer.uniform_(.5, 2)
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            safetensors.torch.save_file(model.state_dict(), folder / "reference.safetensors")
            convert(arguments.hedon, architecture, folder / "reference.safetensors", folder / "reference.model")
            wanted = tensors(folder / "reference.model")
            for what, path in variants(model, folder):
                said = convert(arguments.hedon, architecture, path, folder / "ours.model")
                ours = tensors(folder / "ours.model")
                same = ours.keys() == wanted.keys() and all(torch.equal(ours[k], wanted[k]) for k in wanted)
                failed |= not same
                note = f" ({said[0]})" if len(said) > 1 else ""
                print(f"{architecture}, {what}{note}: {len(ours)} tensors {'identical' if same else 'DIFFER'}",
                      flush=True)
                path.unlink()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
