"""One peer of hedon as a process that is timed from outside.

usage: peer.py infer NAME THREADS CACHE
       peer.py train NAME THREADS
       peer.py decode NAME VIDEO INDEX,INDEX,...
       peer.py pipeline NAME FOLDER THREADS

Loads everything once, prints {"ready": version} and then, for each line "WARM TIMED" on standard
input, runs the work WARM times untimed and TIMED times timed and prints {"seconds": [...]}. bench.py
stops the process between its turns, so that peers share the machine without sharing its cores.
"""
import json
import os
import sys
import time
import warnings

warnings.filterwarnings("ignore")


# ---- Inference: R(2+1)D-18, float32, one clip of 16x112x112 ------------------------------------

def torch_model(threads):
    import torch
    import torchvision

    torch.set_num_threads(threads)
    torch.manual_seed(1)
    model = torchvision.models.video.r2plus1d_18().eval()
    return torch, model, torch.randn(1, 3, 16, 112, 112)


def infer_eager(threads, _cache):
    torch, model, clip = torch_model(threads)
    return lambda: model(clip), "torch " + torch.__version__


def infer_eager_channels_last(threads, _cache):
    torch, model, clip = torch_model(threads)
    model = model.to(memory_format=torch.channels_last_3d)
    clip = clip.to(memory_format=torch.channels_last_3d)
    return lambda: model(clip), "torch " + torch.__version__


def infer_compile(threads, _cache):
    torch, model, clip = torch_model(threads)
    torch._inductor.config.freezing = True  # weights become constants: its fastest mode on a CPU
    compiled = torch.compile(model)
    return lambda: compiled(clip), "torch " + torch.__version__


def onnx_file(threads, cache):
    """Both ONNX readers get the same export; rewritten when torch's version changes."""
    torch, model, clip = torch_model(threads)
    path = os.path.join(cache, f"r2plus1d_18-torch-{torch.__version__}.onnx")
    if not os.path.exists(path):
        torch.onnx.export(model, (clip,), path, dynamo=True)
    return path, clip.numpy()


def infer_onnxruntime(threads, cache):
    import onnxruntime

    path, clip = onnx_file(threads, cache)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda: session.run(None, {name: clip}), "onnxruntime " + onnxruntime.__version__


def infer_openvino(threads, cache):
    import openvino

    path, clip = onnx_file(threads, cache)
    compiled = openvino.Core().compile_model(path, "CPU", {
        "INFERENCE_PRECISION_HINT": "f32",
        "INFERENCE_NUM_THREADS": threads,
        "PERFORMANCE_HINT": "LATENCY",
    })
    request = compiled.create_infer_request()
    return lambda: request.infer({0: clip}), "openvino " + openvino.__version__.split("-")[0]


# ---- Training: a step of R(2+1)D-18, float32, two clips of 16x112x112, AdamW ---------------------

def train_step(channels_last=False, compiled=False):
    def make(threads):
        import torch
        import torchvision

        torch.set_num_threads(threads)
        torch.manual_seed(1)
        model = torchvision.models.video.r2plus1d_18(num_classes=27).train()
        clips, targets = torch.randn(2, 3, 16, 112, 112), torch.rand(2, 27)
        if channels_last:
            model = model.to(memory_format=torch.channels_last_3d)
            clips = clips.to(memory_format=torch.channels_last_3d)
        optimiser = torch.optim.AdamW(model.parameters(), lr=1e-4)
        run = torch.compile(model) if compiled else model

        def once():
            optimiser.zero_grad(set_to_none=True)
            loss = torch.nn.functional.binary_cross_entropy_with_logits(run(clips), targets)
            loss.backward()
            optimiser.step()

        return once, "torch " + torch.__version__
    return make


# ---- Decoding: the wanted frames as RGB, from a file opened afresh each time --------------------

def decode_torchcodec(mode, threads):
    def make(video, indices):
        import torch
        import torchcodec
        from torchcodec.decoders import VideoDecoder

        torch.set_num_threads(threads)

        def once():
            decoder = VideoDecoder(video, seek_mode=mode, num_ffmpeg_threads=threads)
            return decoder.get_frames_at(indices)

        return once, "torchcodec " + torchcodec.__version__
    return make


def decode_decord(threads):
    def make(video, indices):
        import decord

        def once():
            return decord.VideoReader(video, num_threads=threads).get_batch(indices).asnumpy()

        return once, "decord " + decord.__version__
    return make


def decode_pyav(video, indices):
    """Seeks to the stretch when it is one, as PyAV's users do; decodes all of it otherwise."""
    import av

    wanted, last = set(indices), indices[-1]
    contiguous = last - indices[0] < len(indices)

    def once():
        out = []
        with av.open(video) as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            rate, start = stream.average_rate, stream.start_time or 0
            if contiguous:
                container.seek(start + int(indices[0] / rate / stream.time_base), stream=stream)
            for frame in container.decode(stream):
                index = round((frame.pts - start) * stream.time_base * rate)
                if index in wanted:
                    out.append(frame.to_ndarray(format="rgb24"))
                if index >= last:
                    break
        return out

    return once, "PyAV " + av.__version__


def decode_opencv(video, indices):
    """Seeks to a contiguous stretch; otherwise grabs every frame and converts the wanted ones."""
    import cv2

    wanted, first, last = set(indices), indices[0], indices[-1]
    contiguous = last - first < len(indices)

    def once():
        out = []
        capture = cv2.VideoCapture(video)
        begin = first if contiguous else 0
        if begin:
            capture.set(cv2.CAP_PROP_POS_FRAMES, begin)
        for index in range(begin, last + 1):
            if not capture.grab():
                break
            if index in wanted:
                out.append(cv2.cvtColor(capture.retrieve()[1], cv2.COLOR_BGR2RGB))
        capture.release()
        return out

    return once, "OpenCV " + cv2.__version__


INFER = {
    "OpenVINO": infer_openvino,
    "ONNX Runtime": infer_onnxruntime,
    "torch.compile": infer_compile,
    "torch eager": infer_eager,
    "torch eager channels-last": infer_eager_channels_last,
}
TRAIN = {
    "torch eager": train_step(),
    "torch eager channels-last": train_step(channels_last=True),
    "torch.compile": train_step(compiled=True),
}
DECODE = {
    "torchcodec exact, 1 thread": decode_torchcodec("exact", 1),
    "torchcodec exact, 2 threads": decode_torchcodec("exact", 2),
    "torchcodec approximate, 1 thread": decode_torchcodec("approximate", 1),
    "torchcodec approximate, 2 threads": decode_torchcodec("approximate", 2),
    "decord, 1 thread": decode_decord(1),
    "decord, 2 threads": decode_decord(2),
    "PyAV": decode_pyav,
    "OpenCV": decode_opencv,
}


def frames_of(result):
    """How many pictures a decode gave: a fast peer that skips some would not be a peer."""
    data = getattr(result, "data", result)
    return len(data)


def main():
    kind, name, *rest = sys.argv[1:]
    # Libraries print where they like: keep the real standard output for the answers.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)

    if kind == "infer":
        import torch

        once, version = INFER[name](int(rest[0]), rest[1])
        with torch.inference_mode():
            serve(once, version, answers)
    elif kind == "train":
        once, version = TRAIN[name](int(rest[0]))
        serve(once, version, answers)
    elif kind == "pipeline":
        from folder import FOLDER

        once, version = FOLDER[name](rest[0], int(rest[1]))
        serve(once, version, answers, warm=False)
    else:
        indices = [int(i) for i in rest[1].split(",")]
        once, version = DECODE[name](rest[0], indices)
        got = frames_of(once())
        if got != len(indices):
            raise SystemExit(f"{name}: {got} frames instead of {len(indices)}")
        serve(once, version, answers)


def serve(once, version, answers, warm=True):
    if warm:
        once()  # compiles, where there is something to compile
    print(json.dumps({"ready": version}), file=answers)
    for line in sys.stdin:
        warm, timed = map(int, line.split())
        for _ in range(warm):
            once()
        seconds = []
        for _ in range(timed):
            start = time.perf_counter()
            once()
            seconds.append(time.perf_counter() - start)
        print(json.dumps({"seconds": seconds}), file=answers)


if __name__ == "__main__":
    main()
