"""hedon and its peers timed side by side: round after round, each in turn.

Called by tools/bench-peers. A machine's speed drifts (neighbours, clocks), so the runs are
interleaved, A B C A B C ..., and only ratios within one call mean anything. Only one process runs
at a time; the others are stopped (SIGSTOP), since idle thread pools spin.
"""
import argparse
import json
import os
import platform
import select
import signal
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
START_LIMIT_S = 900  # torch.compile and a first ONNX export take minutes on a slow machine
TURN_LIMIT_S = 900


class Failed(Exception):
    pass


class Peer:
    """A peer.py process; see there for what is said over its pipes."""

    def __init__(self, arguments, name, log, cpus):
        self.name, self.mins, self.medians, self.all = name, [], [], []
        environment = dict(os.environ, OMP_NUM_THREADS=str(len(cpus)))
        self.process = subprocess.Popen(
            [sys.executable, os.path.join(HERE, "peer.py"), *arguments], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=log, text=True, env=environment,
            preexec_fn=lambda: os.sched_setaffinity(0, cpus))
        try:
            self.version = self.answer(START_LIMIT_S)["ready"]
        except BaseException:
            self.close()
            raise
        self.process.send_signal(signal.SIGSTOP)

    def answer(self, limit):
        ready, _, _ = select.select([self.process.stdout], [], [], limit)
        line = self.process.stdout.readline() if ready else ""
        if not line:
            raise Failed(f"{self.name}: " + ("stopped; see the log" if ready else "no answer"))
        return json.loads(line)

    def turn(self, warm, timed):
        self.process.send_signal(signal.SIGCONT)
        self.process.stdin.write(f"{warm} {timed}\n")
        self.process.stdin.flush()
        seconds = self.answer(TURN_LIMIT_S)["seconds"]
        self.process.send_signal(signal.SIGSTOP)
        self.mins.append(min(seconds))
        self.medians.append(statistics.median(seconds))
        self.all += seconds

    def close(self):
        self.process.kill()
        self.process.wait()


class Hedon:
    """`hedon bench ... --json`, one process a turn; it warms up by itself and times as often."""

    def __init__(self, command, cpus, name="hedon"):
        self.name, self.command, self.cpus = name, command, cpus
        self.mins, self.medians, self.all, self.wait_shares = [], [], [], []
        self.version = run_text([command[0], "--version"])

    def turn(self, _warm, timed):
        done = subprocess.run(self.command + ["--repeats", str(timed)], stdout=subprocess.PIPE, text=True,
                              preexec_fn=lambda: os.sched_setaffinity(0, self.cpus))
        if done.returncode:
            raise Failed(f"{' '.join(self.command)}: exit {done.returncode}")
        cases = json.loads(done.stdout)["cases"]
        # bench decode also times planes alone; the peers' comparison is with what a model takes.
        cases = [case for case in cases if case.get("preprocessed", True)]
        if len(cases) != 1:
            raise Failed(f"{' '.join(self.command)}: {len(cases)} cases instead of one")
        self.mins.append(cases[0]["min_s"])
        self.medians.append(cases[0]["median_s"])
        if "wait_share" in cases[0]:
            self.wait_shares.append(cases[0]["wait_share"])

    def close(self):
        pass


class HedonFolder(Hedon):
    """`hedon annotate` into a new store, from the command's start to its end, model and processes included."""

    def __init__(self, hedon, folder, cache, cpus):
        from folder import videos_of

        self.store = os.path.join(cache, "peers-folder.db")
        super().__init__([hedon, "annotate", "--quiet", "--no-timeline", "--model", "random:r2plus1d_18",
                          "--store", self.store, folder], cpus)
        self.videos, self.clips = len(videos_of(folder)), 0

    def turn(self, _warm, timed):
        seconds = []
        for _ in range(timed):
            self.remove_store()
            start = time.perf_counter()
            done = subprocess.run(self.command, stdout=subprocess.PIPE, text=True,
                                  preexec_fn=lambda: os.sched_setaffinity(0, self.cpus))
            seconds.append(time.perf_counter() - start)
            if done.returncode:
                raise Failed(f"hedon annotate: exit {done.returncode}")
        lines = run_text([self.command[0], "export", self.store, "--format", "jsonl"]).splitlines()
        if len(lines) != self.videos:
            raise Failed(f"hedon annotate: {len(lines)} results of {self.videos} videos")
        self.clips = sum(json.loads(line)["reliability"]["view_sd"]["views"] for line in lines)
        self.mins.append(min(seconds))
        self.medians.append(statistics.median(seconds))

    def remove_store(self):
        for suffix in ("", "-wal", "-shm"):
            if os.path.exists(self.store + suffix):
                os.remove(self.store + suffix)

    def close(self):
        self.remove_store()


def note(text):
    """What is under way, on a terminal's last line."""
    if sys.stderr.isatty():
        print("\r\x1b[K" + text, end="", file=sys.stderr, flush=True)


def run_text(command):
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def choose_cpus(threads):
    """The first `threads` processors of different cores (one each, not two halves of one)."""
    allowed, cores, chosen = sorted(os.sched_getaffinity(0)), set(), []
    for cpu in allowed:
        try:
            with open(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list") as file:
                core = file.read()
        except OSError:
            core = cpu
        if core not in cores:
            cores.add(core)
            chosen.append(cpu)
    chosen = (chosen + [cpu for cpu in allowed if cpu not in chosen])[:threads]
    if len(chosen) < threads:
        raise Failed(f"{threads} threads wanted, {len(chosen)} processors here")
    return sorted(chosen)


def machine():
    model, flags = platform.processor(), ""
    with open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
            elif line.startswith("flags"):
                flags = line
                break
    vectors = next((n for n in ("avx512_bf16", "avx512f", "avx2") if n in flags.split()), "no avx2")
    return (f"{model}, {os.cpu_count()} processors, {vectors}; Linux {platform.release()}; "
            f"Python {platform.python_version()}; load {os.getloadavg()[0]:.2f} at the start")


def compare(title, contestants, rounds, warm, timed):
    """Run the rounds and return the case's result; closes the contestants."""
    try:
        for number in range(rounds):
            for contestant in contestants:
                note(f"{title}: round {number + 1} of {rounds}, {contestant.name}")
                contestant.turn(warm, timed)
    finally:
        note("")
        for contestant in contestants:
            contestant.close()
    rows = [{"name": c.name, "version": c.version, "min_s": min(c.mins),
             "median_s": statistics.median(c.medians), "round_min_s": c.mins,
             "round_median_s": c.medians} for c in contestants]
    result = {"name": title, "rounds": rounds, "results": rows}
    own = [row for row in rows if row["name"] == "hedon"]
    peers = [row for row in rows if row["name"] != "hedon"]
    if own and peers:
        for key in ("min_s", "median_s"):
            best = min(peers, key=lambda row: row[key])
            result["speedup_" + key[:-2]] = best[key] / own[0][key]
            result["best_peer_" + key[:-2]] = best["name"]
    return result


def show(result):
    print(f"\n{result['name']} ({result['rounds']} rounds)")
    print(f"  {'':34s} {'min ms':>9s} {'median ms':>10s}  hedon is   version")
    rows = result["results"]
    own = next((row for row in rows if row["name"] == "hedon"), None)
    for row in sorted(rows, key=lambda row: row["min_s"]):
        ratio = f"{row['min_s'] / own['min_s']:6.2f} x" if own and row is not own else ""
        print(f"  {row['name']:34s} {row['min_s'] * 1e3:9.1f} {row['median_s'] * 1e3:10.1f}  "
              f"{ratio:10s} {row['version']}"
              + (f", waits for data {row['wait_share']:.2%} of the step" if "wait_share" in row else ""))
    if result.get("clips"):
        rates = ", ".join(f"{row['name']} {row['clips_per_s']:.2f}" for row in rows)
        print(f"  {result['videos']} videos, {result['clips']} clips; clips/s by the median: {rates}")
    if "speedup_min" in result:
        print(f"  hedon against the best peer: {result['speedup_min']:.2f} x by the least "
              f"({result['best_peer_min']}), {result['speedup_median']:.2f} x by the median "
              f"({result['best_peer_median']})")


def start_peers(names, arguments, log, cpus):
    """Peers that do not start here are left out, and said to be."""
    peers = []
    for name in names:
        note(f"starting {name}")
        try:
            peers.append(Peer(arguments(name), name, log, cpus))
        except Failed as error:
            note("")
            print(f"bench-peers: left out: {error}", file=sys.stderr)
    note("")
    return peers


def wanted(names, only):
    return [n for n in names if not only or any(word.lower() in n.lower() for word in only)]


def bench_infer(options, cpus, log):
    from peer import INFER

    contestants = []
    if not options.no_hedon:
        contestants.append(Hedon(
            [options.hedon, "bench", "infer", "--model", "random:r2plus1d_18", "--batch", "1",
             "--threads", str(options.threads), "--json"], cpus))
    contestants += start_peers(
        wanted(INFER, options.only),
        lambda name: ["infer", name, str(options.threads), options.cache], log, cpus)
    title = f"R(2+1)D-18, float32, one clip of 16x112x112, {options.threads} threads"
    return [compare(title, contestants, options.rounds, 1, 5)]


def bench_train(options, cpus, log):
    from peer import TRAIN

    contestants = []
    if not options.no_hedon:
        contestants.append(Hedon(
            [options.hedon, "bench", "train", "--model", "r2plus1d_18", "--batch", "2",
             "--threads", str(options.threads), "--json"], cpus))
    contestants += start_peers(
        wanted(TRAIN, options.only),
        lambda name: ["train", name, str(options.threads)], log, cpus)
    title = f"R(2+1)D-18, a training step, float32, two clips of 16x112x112, {options.threads} threads"
    results = [compare(title, contestants, options.rounds, 1, 3)] if contestants else []
    if not options.no_hedon:
        results.append(bench_feeding(options, cpus))
    return results


def bench_feeding(options, cpus):
    """hedon's step on random clips and on videos decoded and augmented meanwhile, as the recipe does:
    whether decoding is hidden."""
    data = os.path.join(options.cache, "synth_vce")
    if not os.path.exists(os.path.join(data, "synth.json")):
        print(f"rendering {data}", file=sys.stderr)
    subprocess.run([options.hedon, "dataset", "synth", "vce", data, "--videos", "64", "--seed", "1"],
                   stdout=subprocess.DEVNULL, check=True)
    command = [options.hedon, "bench", "train", "--model", "r2plus1d_18", "--batch", "2",
               "--threads", str(options.threads), "--json"]
    feeding = ["--data", data, "--augment"]
    contestants = [Hedon(command, cpus, "hedon on random clips"),
                   Hedon(command + feeding + ["none"], cpus, "hedon decoding"),
                   Hedon(command + feeding + ["vce"], cpus, "hedon decoding and augmenting")]
    title = f"The same step of hedon's on synthetic VCE videos, decoded meanwhile, {options.threads} threads"
    result = compare(title, contestants, options.rounds, 1, 12)
    for row, contestant in zip(result["results"], contestants):
        if contestant.wait_shares:
            row["wait_share"] = statistics.mean(contestant.wait_shares)
    return result


# One minute in six scenes, as videos have cuts, panning and grain; then x264 as it comes.
SCENES = [
    "mandelbrot=s={s}:r=30:end_scale=0.02:maxiter=300",
    "testsrc2=s={s}:r=30",
    "gradients=s={s}:r=30:speed=0.02:nb_colors=6:seed=3",
    "cellauto=s={s}:r=30:rule=110:seed=5:random_fill_ratio=0.3,format=yuv420p,boxblur=2",
    "mandelbrot=s={s}:r=30:start_x=-1.2568:start_y=0.3:start_scale=1:end_scale=0.01,hue=h=90*t",
    "testsrc2=s={s}:r=30,rotate=0.1*t,zoompan=z='1+0.002*on':d=1:s={s}:fps=30",
]


def render(path, size):
    """x264's defaults; the grain is set so that the bit rate is like that of camera footage."""
    if os.path.exists(path):
        return
    print(f"rendering {path}", file=sys.stderr)
    command = ["ffmpeg", "-nostdin", "-v", "error", "-y"]
    for scene in SCENES:
        command += ["-f", "lavfi", "-t", "10", "-i", scene.format(s=size)]
    graph = "".join(f"[{i}]format=yuv420p,setsar=1[s{i}];" for i in range(len(SCENES)))
    graph += "".join(f"[s{i}]" for i in range(len(SCENES)))
    graph += f"concat=n={len(SCENES)},noise=c0s=4:c0f=t:all_seed=7"
    part = path + ".part"
    command += ["-filter_complex", graph, "-c:v", "libx264", "-pix_fmt", "yuv420p", "-f", "mp4", part]
    subprocess.run(command, check=True)
    os.replace(part, path)


def bench_pipeline(options, cpus, log):
    from folder import FOLDER

    folder = os.path.join(options.cache, f"peers-folder-{options.count}")
    subprocess.run([options.hedon, "dataset", "synth", "vce", folder, "--videos", str(options.count)],
                   stdout=subprocess.DEVNULL, check=True)
    folder = os.path.join(folder, "videos")
    own = HedonFolder(options.hedon, folder, options.cache, cpus)
    contestants = [] if options.no_hedon else [own]
    contestants += start_peers(
        wanted(FOLDER, options.only),
        lambda name: ["pipeline", name, folder, str(options.threads)], log, cpus)
    title = f"a folder of {own.videos} short videos through R(2+1)D-18, float32, {options.threads} threads"
    result = compare(title, contestants, options.rounds, 0, 1)
    result["videos"], result["clips"] = own.videos, own.clips
    for row in result["results"]:
        row["videos_per_s"] = own.videos / row["median_s"]
        row["clips_per_s"] = own.clips / row["median_s"]
    return [result]


def frame_count(video):
    out = run_text(["ffprobe", "-v", "error", "-select_streams", "v:0", "-count_packets",
                    "-show_entries", "stream=nb_read_packets", "-of", "csv=p=0", video])
    return int(out.split()[0].strip(","))


def bench_decode(options, cpus, log):
    from peer import DECODE

    videos = options.videos
    if not videos:
        videos = []
        for size in ("320x240", "1280x720"):
            path = os.path.join(options.cache, f"peers-60s-{size}.mp4")
            render(path, size)
            videos.append(path)
    results = []
    for video in videos:
        count = frame_count(video)
        # As hedon bench does: numpy.round(linspace(0, n - 1, 16)), and 16 from the middle.
        even = [round(i * (count - 1) / 15) for i in range(16)]
        middle = count // 2 if count > 32 else 0
        contiguous = list(range(middle, min(count, middle + 16)))
        for sample, indices in (("even", even), ("contiguous", contiguous)):
            indices = sorted(set(indices))
            contestants = []
            if not options.no_hedon:
                contestants.append(Hedon(
                    [options.hedon, "bench", "decode", video, "--sample", sample,
                     "--frames", "16", "--json"], cpus))
            contestants += start_peers(
                wanted(DECODE, options.only),
                lambda name: ["decode", name, video, ",".join(map(str, indices))], log, cpus)
            title = f"{os.path.basename(video)} ({count} frames), 16 {sample}"
            results.append(compare(title, contestants, options.rounds, 1, 5))
    return results


def main():
    parser = argparse.ArgumentParser(prog="tools/bench-peers", description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=["infer", "train", "decode", "pipeline"])
    parser.add_argument("videos", nargs="*", help="for decode: instead of the two rendered ones")
    parser.add_argument("--rounds", type=int, help="default 5; of pipeline, 2")
    parser.add_argument("--count", type=int, default=24, help="of pipeline: videos, 24 or more")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", action="append", metavar="PEER", help="part of a peer's name")
    parser.add_argument("--no-hedon", action="store_true", help="peers alone")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--hedon", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--cache", required=True, help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.rounds = options.rounds or (2 if options.what == "pipeline" else 5)

    about = machine()
    log_path = os.path.join(options.cache, "peers.log")
    try:
        cpus = choose_cpus(options.threads)
        with open(log_path, "w") as log:
            bench = {"infer": bench_infer, "train": bench_train, "decode": bench_decode,
                     "pipeline": bench_pipeline}[options.what]
            started = time.strftime("%Y-%m-%d")
            results = bench(options, cpus, log)
    except Failed as error:
        raise SystemExit(f"bench-peers: {error} (peers' own output: {log_path})")
    if options.json:
        print(json.dumps({"date": started, "machine": about, "threads": options.threads,
                          "cases": results}, indent=1))
        return
    print(f"{started}: {about}")
    for result in results:
        show(result)


if __name__ == "__main__":
    main()
