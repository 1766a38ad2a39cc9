#!/usr/bin/env python3
"""R(2+1)D-18 in PyTorch on the GPU, measured as gpu_bench measures hedon: one JSON object a line.

Clips wait in pinned memory and are copied while the batch before is computed; training has SGD with momentum
in every step. Eager and torch.compile (max-autotune), channels last; bf16 as PyTorch's users run it: the
model in bfloat16 for inference, autocast for training. Also the machine's own peak, as PyTorch's matrix
product reaches it."""
import argparse
import json
import statistics
import time

import torch
from torch import nn

FRAMES, SIZE, EMOTIONS = 16, 112, 27


class Factorised(nn.Sequential):
    """A (1,3,3) convolution, then a (3,1,1) one, with as many weights as a (3,3,3) one (Tran et al. 2018)."""

    def __init__(self, inputs, outputs, stride):
        middle = inputs * outputs * 27 // (inputs * 9 + 3 * outputs)
        super().__init__(
            nn.Conv3d(inputs, middle, (1, 3, 3), (1, stride, stride), (0, 1, 1), bias=False),
            nn.BatchNorm3d(middle),
            nn.ReLU(inplace=True),
            nn.Conv3d(middle, outputs, (3, 1, 1), (stride, 1, 1), (1, 0, 0), bias=False),
        )


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.first = nn.Sequential(
            Factorised(inputs, outputs, stride), nn.BatchNorm3d(outputs), nn.ReLU(inplace=True))
        self.second = nn.Sequential(Factorised(outputs, outputs, 1), nn.BatchNorm3d(outputs))
        self.shortcut = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(
                nn.Conv3d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm3d(outputs))

    def forward(self, x):
        return torch.relu(self.second(self.first(x)) + self.shortcut(x))


def r2plus1d_18():
    layers = [
        nn.Conv3d(3, 45, (1, 7, 7), (1, 2, 2), (0, 3, 3), bias=False), nn.BatchNorm3d(45), nn.ReLU(inplace=True),
        nn.Conv3d(45, 64, (3, 1, 1), 1, (1, 0, 0), bias=False), nn.BatchNorm3d(64), nn.ReLU(inplace=True),
    ]
    width = 64
    for outputs, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
        layers += [Block(width, outputs, stride), Block(outputs, outputs, 1)]
        width = outputs
    return nn.Sequential(*layers, nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Linear(512, EMOTIONS))


def timed(step, seconds, warm_up):
    for i in range(warm_up):
        step(i)
    torch.cuda.synchronize()
    times, start = [], time.perf_counter()
    while time.perf_counter() - start < seconds:
        before = time.perf_counter()
        step(len(times))
        torch.cuda.synchronize()
        times.append(time.perf_counter() - before)
    return times


class Feed:
    """Two device buffers filled in turn from pinned memory, in a stream of their own."""

    def __init__(self, batch, dtype):
        self.host = torch.randn(batch, 3, FRAMES, SIZE, SIZE).pin_memory()
        self.stream = torch.cuda.Stream()
        self.dtype = dtype
        self.next = None
        self.load()

    def load(self):
        with torch.cuda.stream(self.stream):
            self.next = self.host.to("cuda", non_blocking=True).to(
                self.dtype, memory_format=torch.channels_last_3d)

    def take(self):
        torch.cuda.current_stream().wait_stream(self.stream)
        clips = self.next
        clips.record_stream(torch.cuda.current_stream())
        self.load()
        return clips


def infer(batch, precision, compiled, seconds):
    dtype = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(precision, torch.float32)
    model = r2plus1d_18().cuda().eval().to(dtype=dtype, memory_format=torch.channels_last_3d)
    run = torch.compile(model, mode="max-autotune") if compiled else model
    feed = Feed(batch, dtype)

    def step(_):
        with torch.inference_mode():
            run(feed.take())

    return timed(step, seconds, 10)


def train(batch, precision, compiled, seconds):
    model = r2plus1d_18().cuda().train().to(memory_format=torch.channels_last_3d)
    run = torch.compile(model, mode="max-autotune") if compiled else model
    optimiser = torch.optim.SGD(model.parameters(), lr=1e-4, momentum=0.9, fused=True)
    targets = torch.zeros(batch, EMOTIONS, device="cuda")
    loss_of = nn.BCEWithLogitsLoss()
    feed = Feed(batch, torch.float32)
    autocast = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(precision)
    scaler = torch.amp.GradScaler("cuda", enabled=precision == "fp16")

    def step(_):
        optimiser.zero_grad(set_to_none=True)
        with torch.autocast("cuda", dtype=autocast or torch.bfloat16, enabled=autocast is not None):
            loss = loss_of(run(feed.take()).float(), targets)
        scaler.scale(loss).backward()
        scaler.step(optimiser)
        scaler.update()

    return timed(step, seconds, 10)


def peak(dtype, seconds=2.0):
    size = 8192
    a = torch.randn(size, size, device="cuda", dtype=dtype)
    b = torch.randn(size, size, device="cuda", dtype=dtype)
    times = timed(lambda _: torch.mm(a, b), seconds, 5)
    return 2 * size**3 / statistics.median(times) / 1e12


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("precisions", nargs="*", default=["bf16", "fp32"])
    arguments = parser.parse_args()
    seconds = arguments.seconds
    torch.backends.cudnn.benchmark = True
    print(json.dumps({"what": "versions", "torch": torch.__version__, "cudnn": torch.backends.cudnn.version(),
                      "gpu": torch.cuda.get_device_name()}), flush=True)
    for precision in arguments.precisions:
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision == "tf32"
        dtype = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(precision, torch.float32)
        print(json.dumps({"what": "peak", "precision": precision, "tflops": peak(dtype)}), flush=True)
        for what, function in (("infer", infer), ("train", train)):
            for batch in (1, 8, 32):
                for compiled in (False, True):
                    row = {"what": what, "precision": precision, "batch": batch, "compiled": compiled}
                    try:
                        torch.compiler.reset()
                        times = function(batch, precision, compiled, seconds)
                        row.update(clips_per_s=batch * len(times) / sum(times),
                                   median_ms=statistics.median(times) * 1e3, least_ms=min(times) * 1e3)
                    except Exception as error:  # a row of the report, not the end of it
                        row["error"] = str(error).splitlines()[0][:200]
                    print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
