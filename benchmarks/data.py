"""What it costs to train from a file that is mapped instead of held: `python benchmarks/data.py [--device cuda] [--model nano S/2]`.

Steps of one trainer with its data on `disk` over the same with them on the `device`, in turns, for latents and for pictures. The file is in
the system's cache, as it is after the first epoch of data that fit a machine's memory: what a disk itself can read is not measured.
"""

import argparse
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import measuring
from benchmarks.contenders import VARIANTS
from benchmarks.measuring import Clock, Spread
from model.config import Precision, TrainConfig
from model.config.data import Residence
from model.data.dataset import load
from model.presets import config_from, merge
from model.training import memory
from model.training.compilation import compile_where_it_pays
from model.training.state import TrainingState, initial_state
from model.training.step import DTYPES, train_step

MODELS = {"cpu": {"nano": 64, "S/2": 2}, "cuda": {"nano": 256, "S/2": 256}}
"""Images per step."""
KINDS = ("latents", "images")
SIDE, CHANNELS, CLASSES = 32, 4, 10
"""Of a latent, and of a picture: 256 tokens of either."""
RESIDENCES: tuple[Residence, ...] = ("device", "disk")


@dataclass(frozen=True)
class Case:
    """A model and its data."""

    model: str
    kind: str
    folder: Path
    images: int
    batch: int

    def config(self, residence: Residence, precision: Precision) -> TrainConfig:
        known = {"path": str(self.folder), "resolution": SIDE, "images": self.images, "classes": CLASSES}
        more = {"channels": CHANNELS, "scale": 1.0} if self.kind == "latents" else {}
        partial = {"preset": self.model, "batch_size": self.batch, "precision": precision}
        return config_from(merge(partial | {"data": {"kind": self.kind, "residence": residence} | known | more}, VARIANTS["dual/full"]))


class Trainer:
    """A trial in the middle of its steps."""

    def __init__(self, case: Case, residence: Residence, device: torch.device, precision: Precision) -> None:
        self.config, self.precision = case.config(residence, precision), precision
        self.data = load(self.config.data, self.config.backbone.patch, device, DTYPES[precision])
        self.state: TrainingState = initial_state(self.config, self.data, device, DTYPES[precision])
        compile_where_it_pays(self.config, self.state.objective, device)

    def steps(self, count: int) -> None:
        """Goes on by so many."""
        for _ in range(count):
            train_step(self.config, self.state, self.data.train, self.precision)


def write(folder: Path, images: int) -> None:
    """Random latents and pictures, and labels of both."""
    random = np.random.default_rng(0)
    moments = random.standard_normal((images, 2 * CHANNELS, SIDE, SIDE), dtype=np.float32)
    np.save(folder / "moments.npy", np.abs(moments).astype(np.float16))
    np.save(folder / "images.npy", random.integers(256, size=(images, SIDE, SIDE, 3), dtype=np.uint8))
    np.save(folder / "labels.npy", np.arange(images) % CLASSES)


def taken_mib(case: Case, residence: Residence, device: str, precision: Precision, steps: int) -> tuple[float, float]:
    """Memory that reading the data takes in a process, and what the process has after some steps: pages of files left out, which the system
    takes back when it wants; on a GPU, what is allocated and its peak."""
    torch.set_num_threads(1)
    memory.keep_freed()
    place = torch.device(device)
    memory.reset(place)
    before, config = _held_mib(place), case.config(residence, precision)
    held = load(config.data, config.backbone.patch, place, DTYPES[precision])
    data = _held_mib(place) - before
    del held
    Trainer(case, residence, place, precision).steps(steps)
    return data, memory.peak_mib(place) if place.type == "cuda" else _held_mib(place)


def _held_mib(place: torch.device) -> float:
    if place.type == "cuda":
        return torch.cuda.memory_allocated(place) / 2**20
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("RssAnon:"))


def measure(
    case: Case, device: torch.device, precision: Precision, rounds: int, steps: int, threads: int, *, memories: bool = True
) -> dict[str, Any]:
    """One row."""
    trainers = {residence: Trainer(case, residence, device, precision) for residence in RESIDENCES}
    clock, waited = Clock(device, threads), {residence: list[float]() for residence in RESIDENCES}

    def turn(residence: Residence) -> Callable[[], None]:
        def call() -> None:
            started = time.perf_counter()
            trainers[residence].steps(steps)
            Clock(device, threads)()  # a GPU has done what it was told
            waited[residence].append(time.perf_counter() - started)

        return call

    found = measuring.interleaved({residence: turn(residence) for residence in RESIDENCES}, rounds=rounds, clock=clock)
    seconds = found.of("disk").median / steps
    by_wall = [one / other for one, other in zip(waited["device"][1:], waited["disk"][1:], strict=True)]
    row = {
        "data": case.kind,
        "model": case.model,
        "batch": case.batch,
        "images": case.images,
        "precision": precision,
        "rounds": rounds,
        "steps_per_second": 1 / seconds,
        "images_per_second": case.batch / seconds,
        "streamed_over_resident": found.ratio("device", "disk"),
        "streamed_over_resident_by_the_wall": Spread.of(by_wall),
    }
    if memories:
        with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
            for residence in RESIDENCES:
                data, whole = pool.apply(taken_mib, (case, residence, str(device), precision, 3))
                row |= {f"data_mib_{residence}": data, f"memory_mib_{residence}": whole}
    return row


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--model", nargs="*", default=["nano", "S/2"], help="presets (default: nano S/2)")
    parser.add_argument("--images", type=int, default=8192, help="of the data set (default: 8,192)")
    parser.add_argument("--batch", type=int, help="images per step")
    parser.add_argument("--steps", type=int, default=2, help="of a turn (default: 2)")
    parser.add_argument("--rounds", type=int, default=15, help="turns of each; the median counts")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--no-memory", action="store_true", help="leave out the processes that measure memory")
    parser.add_argument("--results", type=Path, default=measuring.RESULTS, help="folder of the JSON")
    given = parser.parse_args(arguments)
    torch.set_num_threads(given.threads)
    memory.keep_freed()
    device = torch.device(given.device)
    precision: Precision = "bf16" if device.type == "cuda" else "fp32"
    about = measuring.facts(device, clock=Clock(device, given.threads).name, threads=given.threads)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), given.images)
        for model in given.model:
            for kind in KINDS:
                case = Case(model, kind, Path(folder), given.images, given.batch or MODELS[device.type].get(model, 2))
                row = measure(case, device, precision, given.rounds, given.steps, given.threads, memories=not given.no_memory)
                held = ", ".join(f"{row.get(f'data_mib_{residence}', float('nan')):.0f}" for residence in RESIDENCES)
                print(
                    f"{kind:<8} {model:<5} {row['images_per_second']:8.1f} images/s, streamed over resident"
                    f" {row['streamed_over_resident']}, by the wall {row['streamed_over_resident_by_the_wall']}, MiB of data {held}",
                    flush=True,
                )
                rows.append(row)
    print(f"kept in {measuring.keep(f'data-{device.type}', about, rows, given.results)}")


if __name__ == "__main__":
    main()
