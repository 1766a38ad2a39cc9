#!/usr/bin/env python3
"""gpu_check/report.py RESULTS OUT: what tools/gpu-check found, as one JSON file and one page."""
import datetime
import json
import pathlib
import statistics
import sys

# Dense, as NVIDIA publishes them for the SXM parts: TFLOP/s by precision.
PUBLISHED = {
    "H100": {"bf16": 989, "fp16": 989, "tf32": 495, "fp32": 67},
    "H200": {"bf16": 989, "fp16": 989, "tf32": 495, "fp32": 67},
    "A100": {"bf16": 312, "fp16": 312, "tf32": 156, "fp32": 19.5},
}
WANTED = 1.1  # times torch.compile


def table_of(path):
    if not path.exists():
        return {}
    return dict(line.rstrip("\n").split("\t", 1) for line in path.open())


def rows_of(path):
    return [json.loads(line) for line in path.open()] if path.exists() else []


def busy_of(path, row):
    """Mean utilisation, per cent, of the samples of the steady part; None without samples."""
    steady = []
    for line in path.open() if path.exists() else []:
        stamp, _, share = line.rpartition(",")
        try:
            at = datetime.datetime.strptime(stamp.strip(), "%Y/%m/%d %H:%M:%S.%f").timestamp()
            if row["from"] + 0.5 <= at <= row["to"]:
                steady.append(int(share))
        except ValueError:
            continue
    return round(statistics.mean(steady), 1) if steady else None


def published_peak(gpu, precision):
    for name, peaks in PUBLISHED.items():
        if name in gpu:
            return peaks[precision]
    return None


def compare(results, gpu):
    torch = rows_of(results / "torch.jsonl")
    rows = []
    for row in rows_of(results / "bench.jsonl"):
        key = {k: row[k] for k in ("what", "precision", "batch")}
        peers = {peer.get("compiled"): peer for peer in torch
                 if all(peer.get(k) == v for k, v in key.items())}
        eager, compiled = peers.get(False, {}), peers.get(True, {})
        peak = published_peak(gpu, row["precision"])
        reached = row["clips_per_s"] * row["gflop_per_clip"] / 1e3
        measured = next((p["tflops"] for p in torch
                         if p["what"] == "peak" and p["precision"] == row["precision"]), None)
        ratio = lambda peer: (round(row["clips_per_s"] / peer["clips_per_s"], 2)
                              if peer.get("clips_per_s") else None)
        rows.append({**row, "tflops": round(reached, 1),
                     "of_published_peak": round(reached / peak, 3) if peak else None,
                     "of_measured_peak": round(reached / measured, 3) if measured else None,
                     "torch_eager_clips_per_s": eager.get("clips_per_s"),
                     "torch_compile_clips_per_s": compiled.get("clips_per_s"),
                     "times_eager": ratio(eager), "times_compile": ratio(compiled),
                     "gpu_busy_percent": busy_of(
                         results / f"busy-{row['what']}-{row['precision']}-{row['batch']}.txt", row)})
    return rows


def shown(value, form="{}"):
    return "-" if value is None else form.format(value)


def page(report):
    machine = report["machine"]
    lines = [f"# cuda on {machine.get('gpu', 'a GPU')}", "",
             "Written by `tools/gpu-check`; the figures are of one run on one machine.", ""]
    lines += [f"- {key}: {value}" for key, value in machine.items()]
    for part, title in (("tests", "Tests"), ("sanitizer", "compute-sanitizer")):
        lines += ["", f"## {title}", ""]
        lines += [f"- {key}: {value}" for key, value in report[part].items()] or ["- not run"]
    lines += ["", "## Parity with torchvision", "", "```", *report["parity"], "```"]
    lines += ["", "## R(2+1)D-18, 16 x 112 x 112, synthetic clips", "",
              "| | precision | batch | clips/s | ms (median) | TFLOP/s | of peak (published, measured) "
              "| torch.compile, clips/s | hedon / compile | hedon / eager | GPU busy % |",
              "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"]
    for row in report["bench"]:
        lines.append(
            f"| {row['what']} | {row['precision']} | {row['batch']} | {row['clips_per_s']:.1f} "
            f"| {row['median_ms']:.2f} | {row['tflops']:.1f} | {shown(row['of_published_peak'], '{:.1%}')}, "
            f"{shown(row['of_measured_peak'], '{:.1%}')} | {shown(row['torch_compile_clips_per_s'], '{:.1f}')} "
            f"| {shown(row['times_compile'])} | {shown(row['times_eager'])} | {shown(row['gpu_busy_percent'])} |")
    if not report["bench"]:
        lines.append("| not run | | | | | | | | | | |")
    lines += [f"- {key}: {value}" for key, value in report["bench_failures"].items()]
    lines += ["", "## Against what was asked", ""]
    lines += [f"- {verdict}" for verdict in report["verdicts"]]
    return "\n".join(lines) + "\n"


def verdicts(report):
    out = []
    tests = report["tests"]
    bad = [name for name, verdict in tests.items() if not verdict.startswith("passed")]
    out.append("tests: " + ("all passed" if tests and not bad else "not all passed: " + ", ".join(bad or ["not run"])))
    bf16 = [row for row in report["bench"] if row["precision"] == "bf16" and row["times_compile"]]
    for row in bf16:
        enough = "reached" if row["times_compile"] >= WANTED else "NOT reached"
        out.append(f"{row['what']} bf16 batch {row['batch']}: {row['times_compile']} times torch.compile "
                   f"({WANTED} {enough})")
    if not bf16:
        out.append("against torch.compile: not measured")
    busy = [row["gpu_busy_percent"] for row in report["bench"]
            if row["what"] == "train" and row["gpu_busy_percent"] is not None]
    out.append(f"GPU busy in training: {max(busy)}% at best (95 wanted)" if busy else "GPU busy: not measured")
    return out


def main():
    results, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    machine = table_of(results / "machine.tsv")
    parity = results / "parity.txt"
    report = {"schema": "hedon.gpu_check/1", "machine": machine,
              "tests": table_of(results / "tests.tsv"), "sanitizer": table_of(results / "sanitizer.tsv"),
              "parity": parity.read_text().splitlines() if parity.exists() else [],
              "bench": compare(results, machine.get("gpu", "")),
              "bench_failures": table_of(results / "bench.tsv"),
              "torch": rows_of(results / "torch.jsonl"),
              "engines": (results / "engines.txt").read_text().splitlines()
              if (results / "engines.txt").exists() else []}
    report["verdicts"] = verdicts(report)
    name = "".join(c if c.isalnum() else "-" for c in machine.get("gpu", "gpu").lower()).strip("-")
    stem = f"{name}-{machine.get('date', 'undated')}"
    (out / f"{stem}.json").write_text(json.dumps(report, indent=1) + "\n")
    (out / f"{stem}.md").write_text(page(report))
    print(f"{out / stem}.md and .json")


if __name__ == "__main__":
    main()
