"""What sampling costs beside training: `python benchmarks/evaluation.py [--device cuda]`.

Seconds of 10,000 samples by the preset's sampler, extrapolated from fewer that were drawn, against the training of one trial, extrapolated
from some of its steps. Without guidance, with it in one pass of both batches (as it is done), and with it in two passes.
"""

import argparse
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import measuring
from benchmarks.contenders import Case, Contenders
from benchmarks.measuring import Clock
from model.config import Precision, TrainConfig
from model.grouping import Grouping
from model.sampling.generate import generate
from model.training import memory
from model.training.step import DTYPES, autocast, train_step

SAMPLES = 10_000
GUIDANCE = 1.8
CASES = {"cpu": {"nano": 64}, "cuda": {"nano": 64, "B/2": 256}}
STEPS = 20
"""Training steps that are measured."""


def measure(case: Case, device: torch.device, precision: Precision, drawn: int, rounds: int, threads: int) -> dict[str, Any]:
    """One row."""
    contenders = Contenders(case, device, precision)
    config = case.config("dual/full", precision)
    state, average = contenders.of(config), contenders.of(config).objective.average

    def sample(scale: float) -> None:
        evaluation = config.evaluation.model_copy(
            update={"samples": drawn, "guidance": config.evaluation.guidance.model_copy(update={"scale": scale})}
        )
        shape = (contenders.tokens, contenders.patch_values)
        with autocast(precision, device):
            blocks = generate(
                average, evaluation, shape=shape, dtype=DTYPES[precision], tick=lambda: None, channels=contenders.data.channels
            )
            for _ in blocks:
                pass

    def train() -> None:
        for _ in range(STEPS):
            train_step(config, state, contenders.data.train, precision)

    calls: dict[str, Callable[[], object]] = {
        "train": train,
        "sample": partial(sample, 1.0),
        "guided": partial(sample, GUIDANCE),
        "together": partial(_passes, contenders, config, together=True),
        "apart": partial(_passes, contenders, config, together=False),
    }
    found = measuring.interleaved(calls, rounds=rounds, clock=Clock(device, threads))
    training = found.of("train").median * config.steps / STEPS
    samples = {name: found.of(name).median * SAMPLES / drawn for name in ("sample", "guided")}
    return {
        "case": f"{case.preset}, {contenders.tokens} tokens",
        "precision": precision,
        "sampler": f"{config.evaluation.sampler.kind}, {config.evaluation.sampler.steps} steps",
        "samples_measured": drawn,
        "steps_measured": STEPS,
        f"seconds_of_{SAMPLES}_samples_extrapolated": samples["sample"],
        f"seconds_of_{SAMPLES}_guided_samples_extrapolated": samples["guided"],
        "training_steps": config.steps,
        "seconds_of_training_extrapolated": training,
        "samples_over_training": samples["sample"] / training,
        "guided_samples_over_training": samples["guided"] / training,
        "two_passes_over_one_of_both": found.ratio("apart", "together"),
    }


@torch.no_grad()
def _passes(contenders: Contenders, config: TrainConfig, *, together: bool) -> Tensor:
    """The labelled and the null pass of a block of 256, in one call or in two."""
    network, n = contenders.of(config).objective.average, 256
    generator = torch.Generator().manual_seed(0)
    x = torch.randn((2 * n, contenders.tokens, contenders.patch_values), generator=generator).to(contenders.device)
    labels = torch.arange(2 * n, device=contenders.device) % contenders.data.classes
    t = x.new_full((2 * n, 1), 0.5)
    whole = Grouping.whole(contenders.tokens)
    parts = [slice(None)] if together else [slice(0, n), slice(n, None)]
    with autocast(contenders.precision, contenders.device):
        return torch.cat([network(x[part], t[part], labels[part], whole)[0] for part in parts])


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--model", nargs="*", help="nano, S/2, B/2, L/2, XL/2 (default: nano, and B/2 on a GPU)")
    parser.add_argument("--samples", type=int, default=1024, help="samples that are drawn")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--results", type=Path, default=measuring.RESULTS, help="folder of the JSON")
    given = parser.parse_args(arguments)
    torch.set_num_threads(given.threads)
    memory.keep_freed()
    device = torch.device(given.device)
    precision: Precision = "bf16" if device.type == "cuda" else "fp32"
    usual = CASES[device.type]
    about = measuring.facts(device, clock=Clock(device, given.threads).name, threads=given.threads)
    print(f"{about['device']}, {precision}, {given.threads} thread(s), {about['clock']} seconds")
    rows = []
    for model in given.model or usual:
        rows.append(measure(Case(model, usual.get(model, 2)), device, precision, given.samples, given.rounds, given.threads))
        for name, value in rows[-1].items():
            print(f"  {name.replace('_', ' '):<48} {value:.4g}" if isinstance(value, float) else f"  {name.replace('_', ' '):<48} {value}")
    print(f"kept in {measuring.keep(f'evaluation-{device.type}', about, rows, given.results)}")


if __name__ == "__main__":
    main()
