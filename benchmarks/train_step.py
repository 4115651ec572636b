"""One training step of every variant beside the dense oracle: `python benchmarks/train_step.py [--device cuda] [--model B/2 ...]`.

Prints and keeps steps/s, tokens/s, peak memory, model FLOP utilisation, and the ratio to the oracle in the same run.
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import measuring
from benchmarks.dense_trainer import DenseTrainer
from benchmarks.flops import peak_flops
from model.config import DigitsData, TrainConfig
from model.data.dataset import DataSet, load
from model.data.examples import Examples
from model.objective import draw
from model.presets import config_from, merge
from model.randomness import BatchStreams
from model.training import memory
from model.training.state import initial_state
from model.training.step import DTYPES, train_step
from sweeper.plan.flops import step_flops

FULL: dict[str, Any] = {"attention": {"separation": "full"}, "alignment": {"teacher": {"separated": True}}}
DUAL: dict[str, Any] = {"timesteps": {"kind": "dual"}}
VARIANTS: dict[str, dict[str, Any]] = {
    "single/none": {},
    "single/full": FULL,
    "dual/none": DUAL,
    "dual/full": merge(DUAL, FULL),
    "dual/shuffled": merge(DUAL, merge(FULL, {"attention": {"separation": "shuffled"}})),
    "dual/noisy_reads_clean": merge(DUAL, merge(FULL, {"attention": {"separation": "noisy_reads_clean"}})),
}
IMAGES = 512
"""Random latents that stand for a data set."""


@dataclass(frozen=True)
class Case:
    """A model with its images and batch."""

    name: str
    preset: str
    batch: int
    channels: int = 4
    side: int = 32

    def config(self, variant: str, precision: str) -> TrainConfig:
        return config_from(merge({"preset": self.preset, "batch_size": self.batch, "precision": precision}, VARIANTS[variant]))

    def data(self, config: TrainConfig, device: torch.device, dtype: torch.dtype) -> DataSet:
        if self.preset == "nano":
            return load(DigitsData(), config.backbone.patch, device, dtype)
        patch = config.backbone.patch
        tokens = torch.randn(IMAGES, (self.side // patch) ** 2, self.channels * patch**2, generator=torch.Generator().manual_seed(0))
        examples = Examples(tokens.to(device, dtype), torch.arange(IMAGES, device=device) % 1000)
        return DataSet(examples, examples, self.channels, 1000, "random latents", examples)


def cases(device: torch.device, models: list[str], batch: int | None) -> Iterator[Case]:
    usual = {"cpu": {"nano": 64, "S/2": 2}, "cuda": {"nano": 64, "S/2": 256, "B/2": 256, "L/2": 128, "XL/2": 128}}[device.type]
    for model in models or {"cpu": ["nano", "S/2"], "cuda": ["B/2", "XL/2"]}[device.type]:
        yield Case(f"{model} digits" if model == "nano" else f"{model} 256 tokens", model, batch or usual.get(model, 2))


def measure(case: Case, variant: str, device: torch.device, precision: str, rounds: int, steps: int) -> dict[str, Any]:
    """One row: ours, the oracle as it is, the oracle with torch's kernels."""
    config = case.config(variant, precision)
    dtype = DTYPES[precision]
    data = case.data(config, device, dtype)
    state = initial_state(config, data, device, dtype)
    autocast = torch.bfloat16 if precision == "bf16" else None
    contenders = {"ours": partial(_ours, config, state, data, precision, steps)}
    for name, kernels in (("oracle", False), ("oracle, torch's kernels", True)):
        trainer = DenseTrainer(config, state, kernels=kernels)
        contenders[name] = partial(_dense, config, trainer, data.train, autocast, steps)
    memory.reset(device)
    contenders["ours"]()
    peak = memory.peak_mib(device)
    seconds = {name: total / steps for name, total in measuring.interleaved(contenders, rounds=rounds, device=device).items()}
    tokens = data.train.tokens.shape[1]
    mine, flops = seconds["ours"], step_flops(config, tokens, data.train.tokens.shape[2])
    return {
        "case": case.name,
        "variant": variant,
        "batch": config.batch_size,
        "tokens": tokens,
        "precision": precision,
        "steps_per_second": 1 / mine,
        "tokens_per_second": config.batch_size * tokens / mine,
        "peak_memory_mib": peak,
        "model_flops_per_step": flops,
        "model_flop_utilisation": flops / mine / peak_flops(device, precision),
        "ratio_to_oracle": seconds["oracle"] / mine,
        "ratio_to_oracle_with_kernels": seconds["oracle, torch's kernels"] / mine,
    }


def _ours(config: TrainConfig, state: Any, data: DataSet, precision: Any, steps: int) -> None:
    for _ in range(steps):
        train_step(config, state, data.train, precision)


def _dense(config: TrainConfig, trainer: DenseTrainer, examples: Examples, precision: torch.dtype | None, steps: int) -> Tensor:
    """The oracle draws what ours draws."""
    total = torch.zeros(())
    for step in range(steps):
        tokens, labels = examples.take(torch.arange(config.batch_size, device=examples.labels.device))
        drawn = draw(config, BatchStreams(config.seed, step, config.batch_size), tokens.shape[1], tokens.shape[2])
        total = trainer.step(tokens, labels, drawn.to(tokens.device, tokens.dtype), precision)
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--model", nargs="*", default=[], help="nano, S/2, B/2, L/2, XL/2 (default: nano S/2 on a CPU, B/2 XL/2 on a GPU)")
    parser.add_argument("--variant", nargs="*", default=list(VARIANTS), choices=VARIANTS)
    parser.add_argument("--batch", type=int, help="images per step")
    parser.add_argument("--precision", choices=("fp32", "bf16"), help="default: fp32 on a CPU, bf16 on a GPU")
    parser.add_argument("--rounds", type=int, default=7, help="turns of each contender; the median counts")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--name", help="of the result file")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    device = torch.device(given.device)
    precision = given.precision or ("bf16" if device.type == "cuda" else "fp32")
    rows = []
    print(f"{measuring.device_name(device)}, {precision}, {given.threads} thread(s), torch {torch.__version__}")
    print(f"{'case':<16} {'variant':<24} {'steps/s':>8} {'tokens/s':>9} {'MiB':>7} {'MFU':>6} {'oracle':>7} {'kernels':>8}")
    for case in cases(device, given.model, given.batch):
        for variant in given.variant:
            steps = {"nano": 20}.get(case.preset, 1 if device.type == "cpu" else 10)
            row = measure(case, variant, device, precision, given.rounds, steps)
            rows.append(row)
            print(
                f"{row['case']:<16} {variant:<24} {row['steps_per_second']:>8.2f} {row['tokens_per_second']:>9.0f}"
                f" {row['peak_memory_mib']:>7.0f} {row['model_flop_utilisation']:>6.1%} {row['ratio_to_oracle']:>6.2f}x"
                f" {row['ratio_to_oracle_with_kernels']:>7.2f}x",
                flush=True,
            )
    about = measuring.facts(device, threads=given.threads)
    print(f"kept in {measuring.keep(given.name or f'train_step-{device.type}', about, rows)}")


if __name__ == "__main__":
    main()
