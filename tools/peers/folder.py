"""A folder of videos through R(2+1)D-18, as one writes it with PyTorch and torchcodec.

The same windows, frames, pre-processing and arithmetic as `hedon annotate --no-timeline` with hedon's r2plus1d_18:
16 frames spread over 16/15 s every 2 s, the last window moved back to end with the video; 128x171 bilinear without
antialiasing, the middle 112x112, Kinetics' mean and deviation; float32.
"""
import os

FRAMES, WINDOW, STRIDE, BATCH = 16, 16 / 15, 2.0, 8


def videos_of(folder):
    return sorted(os.path.join(folder, name) for name in os.listdir(folder))


def windows(count, rate):
    """Frame indices of each window of a video of constant rate."""
    import numpy

    duration = count / rate
    spare = duration - WINDOW
    regular = int(max(spare + 1e-6 * STRIDE, 0) // STRIDE) + 1
    starts = [c * STRIDE for c in range(regular)]
    if spare > starts[-1] + 1e-6 * STRIDE:
        starts.append(spare)
    clips = []
    for start in starts:
        first = min(count - 1, int(start * rate + 1e-9))
        last = min(count - 1, max(first, int(numpy.ceil((start + WINDOW) * rate - 1e-9)) - 1))
        clips.append(numpy.rint(numpy.linspace(first, last, FRAMES)).astype(int))
    return clips


def load(path):
    """(clips,3,16,112,112) of one video; each frame is decoded and resized once."""
    import numpy
    import torch
    from torchcodec.decoders import VideoDecoder

    decoder = VideoDecoder(path)
    clips = windows(decoder.metadata.num_frames, decoder.metadata.average_fps)
    wanted = sorted(set(numpy.concatenate(clips).tolist()))
    place = {frame: i for i, frame in enumerate(wanted)}
    frames = decoder.get_frames_at(wanted).data.float().div_(255)
    frames = torch.nn.functional.interpolate(frames, (128, 171), mode="bilinear", antialias=False)
    frames = frames[:, :, 8:120, 30:142]
    mean = torch.tensor([0.43216, 0.394666, 0.37645]).view(3, 1, 1)
    deviation = torch.tensor([0.22803, 0.22145, 0.216989]).view(3, 1, 1)
    frames = (frames - mean) / deviation
    return torch.stack([frames[[place[i] for i in clip.tolist()]].transpose(0, 1) for clip in clips])


class Videos:
    """For torch's DataLoader."""

    def __init__(self, paths):
        self.paths = paths

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, i):
        return load(self.paths[i])


def loaded(paths, workers):
    if not workers:
        return map(load, paths)
    from torch.utils.data import DataLoader

    return DataLoader(Videos(paths), batch_size=None, num_workers=workers, prefetch_factor=4)


def score(torch, model, paths, workers, channels_last):
    """Batches are filled across videos. Returns how many clips there were."""
    results, waiting, count = [], [], 0

    def infer(clips):
        if channels_last:
            clips = clips.contiguous(memory_format=torch.channels_last_3d)
        results.append(model(clips))

    with torch.inference_mode():
        for clips in loaded(paths, workers):
            count += len(clips)
            waiting += list(clips)
            while len(waiting) >= BATCH:
                infer(torch.stack(waiting[:BATCH]))
                del waiting[:BATCH]
        if waiting:
            infer(torch.stack(waiting))
    assert sum(len(result) for result in results) == count
    return count


def variant(workers=0, channels_last=False):
    def make(folder, threads):
        import torch
        import torchcodec
        import torchvision

        torch.set_num_threads(threads)
        torch.manual_seed(1)
        model = torchvision.models.video.r2plus1d_18(num_classes=28).eval()
        if channels_last:
            model = model.to(memory_format=torch.channels_last_3d)
        paths = videos_of(folder)
        version = f"torch {torch.__version__}, torchcodec {torchcodec.__version__}"
        score(torch, model, paths[:1], 0, channels_last)  # warm
        return lambda: score(torch, model, paths, workers, channels_last), version
    return make


FOLDER = {
    "torch + torchcodec": variant(),
    "the same, channels-last, 2 loaders": variant(workers=2, channels_last=True),
}
