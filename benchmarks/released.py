"""One step of each of the paper's methods as released over ours: `python benchmarks/released.py [--model S/2 B/2]`.

Both take turns in one process, on the same weights, images and draws. Prints and keeps the ratio (median over rounds, with its quartiles),
steps/s and, each measured in a process of its own, peak memory.
"""

import argparse
import multiprocessing
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import measuring
from benchmarks.contenders import COMPILED, PUBLISHED, Case, Contenders
from benchmarks.measuring import Clock
from benchmarks.released_trainer import ReleasedTrainer
from model.config import Precision, TrainConfig
from model.methods import METHODS
from model.presets import config_from
from model.randomness import BatchStreams
from model.step_noise import draw
from model.training import memory
from model.training.step import train_step

USUAL = {"cpu": {"nano": 64, "S/2": 4, "B/2": 4}, "cuda": {"S/2": 256, "B/2": 256, "XL/2": 64}}
"""Images per step."""
TRAINERS = ("ours", "released")


class Pair:
    """Both trainers of a method, on one device."""

    def __init__(self, preset: str, batch: int, device: torch.device, precision: Precision) -> None:
        self._case, self._device, self._precision = Case(preset, batch), device, precision
        self._contenders = Contenders(self._case, device, precision)
        self._released = ReleasedTrainer(self._contenders.objective, self.config("sra_dts_as"))
        self.tokens = self._contenders.tokens

    def config(self, method: str) -> TrainConfig:
        """A method at the size and batch of the case."""
        asked = {"preset": self._case.preset, "method": method, "batch_size": self._case.batch, "precision": self._precision}
        return config_from(asked)

    def call(self, method: str, trainer: str, steps: int) -> Callable[[], None]:
        """So many steps of one trainer."""
        config = self.config(method)
        state = self._contenders.of(config, trainer) if trainer in ("ours", COMPILED) else None

        def call() -> None:
            for step in range(steps):
                if state is not None:
                    train_step(config, state, self._contenders.data.train, self._precision)
                else:
                    self.released_step(config, step)

        return call

    def released_step(self, config: TrainConfig, step: int) -> torch.Tensor:
        """Loss of one released step, which sees and draws what ours does."""
        streams = BatchStreams(config.seed, step, config.batch_size)
        _, tokens, labels = self._contenders.data.train.batch(streams)
        drawn = draw(config, streams, tokens.shape[1], tokens.shape[2]).to(self._device, tokens.dtype)
        return self._released.released_step(config, tokens, labels, drawn, torch.bfloat16 if self._precision == "bf16" else None)


def peak_mib(preset: str, batch: int, method: str, trainer: str, device: str, precision: Precision, threads: int) -> float:
    """Peak memory of two steps, in a process that does nothing else."""
    torch.set_num_threads(threads)
    memory.keep_freed()
    call = Pair(preset, batch, torch.device(device), precision).call(method, trainer, 2)
    memory.reset(torch.device(device))
    call()
    return memory.peak_mib(torch.device(device))


def measure(
    preset: str,
    batch: int,
    methods: dict[str, str],
    device: torch.device,
    precision: Precision,
    rounds: int,
    threads: int,
    trainers: Sequence[str] = TRAINERS,
) -> list[dict[str, Any]]:
    """A row per method, without memory."""
    pair = Pair(preset, batch, device, precision)
    steps = 10 if device.type == "cuda" or preset == "nano" else 1
    calls = {f"{name} {trainer}": pair.call(method, trainer, steps) for name, method in methods.items() for trainer in trainers}
    found = measuring.interleaved(calls, rounds=rounds, clock=Clock(device, threads))
    return [
        {
            "case": f"{preset}, {pair.tokens} tokens",
            "method": name,
            "batch": batch,
            "precision": precision,
            "steps_per_second": steps / found.of(f"{name} ours").median,
            "ratio_to_released": found.ratio(f"{name} released", f"{name} ours"),
            **({"ratio_to_released_compiled": found.ratio(f"{name} released", f"{name} {COMPILED}")} if COMPILED in trainers else {}),
        }
        for name in methods
    ]


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--model", nargs="*", default=["S/2", "B/2"], help="nano, S/2, B/2, L/2, XL/2")
    parser.add_argument("--method", nargs="*", default=list(PUBLISHED), choices=PUBLISHED)
    parser.add_argument("--batch", type=int, help="images per step")
    parser.add_argument("--rounds", type=int, default=9, help="turns of each trainer; the median counts")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--no-compiled", action="store_true", help="leave out what a long run on a CPU is: compiled, minutes a method")
    parser.add_argument("--no-memory", action="store_true", help="leave out the processes that measure peak memory")
    parser.add_argument("--results", type=Path, default=measuring.RESULTS, help="folder of the JSON")
    given = parser.parse_args(arguments)
    assert set(PUBLISHED.values()) <= METHODS.keys()
    torch.set_num_threads(given.threads)
    memory.keep_freed()
    device = torch.device(given.device)
    precision: Precision = "bf16" if device.type == "cuda" else "fp32"
    about = measuring.facts(device, clock=Clock(device, given.threads).name, threads=given.threads)
    print(f"{about['device']}, {precision}, {given.threads} thread(s), {about['clock']} seconds, torch {torch.__version__}")
    methods = {name: PUBLISHED[name] for name in given.method}
    trainers = (*TRAINERS, *((COMPILED,) if device.type == "cpu" and not given.no_compiled else ()))
    for preset in given.model:
        torch.compiler.reset()
        batch = given.batch or USUAL[device.type].get(preset, 4)
        rows = measure(preset, batch, methods, device, precision, given.rounds, given.threads, trainers)
        if not given.no_memory:
            with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
                for row in rows:
                    for trainer in trainers:
                        asked = (preset, batch, methods[row["method"]], trainer, str(device), precision, given.threads)
                        row[f"peak_memory_mib_{trainer}"] = pool.apply(peak_mib, asked)
        for row in rows:
            memories = " ".join(f"{row.get(f'peak_memory_mib_{trainer}', float('nan')):>7.0f}" for trainer in trainers)
            ratios = f"{row['ratio_to_released']!s:<20} {row.get('ratio_to_released_compiled', '')!s:<20}"
            print(f"{row['case']:<17} {row['method']:<15} {ratios} {row['steps_per_second']:>8.3g} {memories}", flush=True)
        name = f"released-{preset.replace('/', '')}-{device.type}"
        print(f"kept in {measuring.keep(name, about, rows, given.results)}")


if __name__ == "__main__":
    main()
