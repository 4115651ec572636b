"""Cost of a step against tokens, width and depth: `python benchmarks/scaling.py [--device cuda]`.

Prints and keeps seconds per image for single/none, dual/none and dual/full, the exponent of each curve (slope of the log-log line through
its last two points), and draws the curves with matplotlib.
"""

import argparse
import math
import sys
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import measuring
from benchmarks.contenders import Case, Contenders
from benchmarks.measuring import Clock
from model.config import Precision
from model.training import memory

CURVES = ("single/none", "dual/none", "dual/full")
HEAD = 64
"""Width of an attention head, as in the published sizes."""
AXES: dict[str, dict[str, tuple[int, ...]]] = {
    "cpu": {"tokens": (64, 256, 1024, 4096), "width": (128, 256, 512, 1024), "depth": (2, 4, 8, 16)},
    "cuda": {"tokens": (64, 256, 1024, 4096), "width": (384, 768, 1152, 1536), "depth": (6, 12, 24, 48)},
}
MIDDLE = {"cpu": {"tokens": 256, "width": 256, "depth": 4}, "cuda": {"tokens": 256, "width": 768, "depth": 12}}
"""What the other two are while one grows."""
TOKENS_PER_STEP = {"cpu": 1024, "cuda": 65536}


def case_of(at: dict[str, int], tokens_per_step: int) -> Case:
    """A model of this size; the batch shrinks as images grow, so that every step has as many tokens."""
    layers = at["depth"]
    return Case(
        "S/2",
        max(1, tokens_per_step // at["tokens"]),
        side=2 * math.isqrt(at["tokens"]),
        changes={
            "backbone": {"layers": layers, "width": at["width"], "heads": max(1, at["width"] // HEAD)},
            "alignment": {"student_layer": max(1, round(0.25 * layers)), "teacher": {"layer": max(1, round(0.67 * layers))}},
        },
    )


def measure(
    axis: str, sizes: tuple[int, ...], device: torch.device, precision: Precision, rounds: int, threads: int
) -> list[dict[str, Any]]:
    """A row per size and curve: the curves of one size interleaved."""
    rows = []
    for size in sizes:
        at = MIDDLE[device.type] | {axis: size}
        case = case_of(at, TOKENS_PER_STEP[device.type])
        contenders = Contenders(case, device, precision)
        calls = {curve: contenders.call(curve, "ours", 1) for curve in CURVES}
        found = measuring.interleaved(calls, rounds=rounds, clock=Clock(device, threads))
        for curve in CURVES:
            seconds = found.of(curve)
            row = {"axis": axis, **at, "variant": curve, "batch": case.batch, "seconds_per_image": seconds.median / case.batch}
            row["over_dual_none"] = found.ratio(curve, "dual/none")
            rows.append(row)
            print(
                f"{axis:>7} {size:>5} {curve:<12} {row['seconds_per_image']:>10.3g} s/image   over dual/none {row['over_dual_none']}",
                flush=True,
            )
    return rows


def slope(rows: list[dict[str, Any]], axis: str, curve: str) -> float:
    """Exponent of cost in `axis` between the two largest sizes."""
    (x, a), (y, b) = [(row[axis], row["seconds_per_image"]) for row in rows if (row["axis"], row["variant"]) == (axis, curve)][-2:]
    return math.log(b / a) / math.log(y / x)


def plot(rows: list[dict[str, Any]], title: str, path: Path) -> None:
    """Log-log, one panel per axis."""
    import matplotlib.pyplot as plt

    axes = list(dict.fromkeys(row["axis"] for row in rows))
    figure, panels = plt.subplots(1, len(axes), figsize=(4.2 * len(axes), 3.8), sharey=True, squeeze=False, layout="constrained")
    for panel, axis in zip(panels[0], axes, strict=True):
        for curve, marker in zip(CURVES, "osD", strict=True):
            points = [(row[axis], row["seconds_per_image"]) for row in rows if (row["axis"], row["variant"]) == (axis, curve)]
            panel.loglog(*zip(*points, strict=True), marker=marker, label=f"{curve}: exponent {slope(rows, axis, curve):.2f}", base=2)
        panel.set_xticks(sorted({row[axis] for row in rows if row["axis"] == axis}), labels=None)
        panel.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        panel.set_yscale("log", base=10)
        panel.set_xlabel({"tokens": "tokens of an image", "width": "width", "depth": "layers"}[axis])
        panel.grid(alpha=0.3)
        panel.legend(fontsize=8)
    panels[0][0].set_ylabel("seconds per image and step")
    figure.suptitle(title, fontsize=10)
    figure.savefig(path)
    plt.close(figure)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--axis", nargs="*", default=["tokens", "width", "depth"], choices=("tokens", "width", "depth"))
    parser.add_argument("--most", type=int, default=4096, help="largest size on any axis")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--results", type=Path, default=measuring.RESULTS, help="folder of the JSON and the plot")
    given = parser.parse_args(arguments)
    torch.set_num_threads(given.threads)
    memory.keep_freed()
    device = torch.device(given.device)
    precision: Precision = "bf16" if device.type == "cuda" else "fp32"
    about = measuring.facts(device, clock=Clock(device, given.threads).name, threads=given.threads)
    print(f"{about['device']}, {precision}, {given.threads} thread(s), {about['clock']} seconds, torch {torch.__version__}")
    rows = []
    for axis in given.axis:
        sizes = tuple(size for size in AXES[device.type][axis] if size <= given.most)
        rows += measure(axis, sizes, device, precision, given.rounds, given.threads)
    middle = ", ".join(f"{name} {size}" for name, size in MIDDLE[device.type].items())
    name = f"scaling-{device.type}"
    print(f"kept in {measuring.keep(name, about | {'elsewhere': middle, 'precision': precision}, rows, given.results)}")
    title = f"One training step; elsewhere {middle}. {about['device']}, {precision}, {given.threads} thread(s), {about['date']}"
    plot(rows, title, given.results / f"{name}.svg")


if __name__ == "__main__":
    main()
