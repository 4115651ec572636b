"""One training step of every variant beside the dense oracle: `python benchmarks/train_step.py [--device cuda] [--model B/2 ...]`.

Prints and keeps steps/s, tokens/s, peak memory, model FLOP utilisation, the ratio to the oracle in the same run, and what separation
costs: the step of dual/full over that of dual/none. A ratio is the median over rounds, with the quartiles.
"""

import argparse
import multiprocessing
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import measuring
from benchmarks.contenders import COMPILED, TRAINERS, VARIANTS, Case, Contenders, trainers_of
from benchmarks.flops import peak_flops
from benchmarks.measuring import Clock
from model.config import Precision
from model.training import memory
from sweeper.plan.flops import step_flops

USUAL = {"cpu": {"nano": 64, "S/2": 2}, "cuda": {"nano": 64, "S/2": 256, "B/2": 256, "L/2": 128, "XL/2": 128}}
"""Images per step where none are named."""
SHOWN = {"cpu": ["nano", "S/2"], "cuda": ["B/2", "XL/2"]}


def cases(device: torch.device, models: list[str], batch: int | None) -> Iterator[Case]:
    for model in models or SHOWN[device.type]:
        yield Case(model, batch or USUAL[device.type].get(model, 2))


def result_name(preset: str, device: str) -> str:
    """A file per model: one can be measured again without the others."""
    return f"train_step-{preset.replace('/', '')}-{device}"


def peak_mib(case: Case, variant: str, trainer: str, device: str, precision: Precision, threads: int) -> float:
    """Peak memory of two steps, in a process that does nothing else."""
    torch.set_num_threads(threads)
    memory.keep_freed()
    contenders = Contenders(case, torch.device(device), precision)
    call = contenders.call(variant, trainer, 2)
    memory.reset(torch.device(device))
    call()
    return memory.peak_mib(torch.device(device))


def measure(
    case: Case,
    variants: list[str],
    device: torch.device,
    precision: Precision,
    rounds: int,
    threads: int,
    *,
    trainers: Sequence[str] = TRAINERS,
    memories: bool = True,
) -> list[dict[str, Any]]:
    """A row per variant."""
    contenders = Contenders(case, device, precision)
    steps = 10 if device.type == "cuda" or case.preset == "nano" else 1
    clock = Clock(device, threads)
    found = measuring.interleaved(dict(contenders.all(variants, steps, trainers)), rounds=rounds, clock=clock)
    peak = peak_flops(device, precision)
    rows = []
    for variant in variants:
        config, measured = case.config(variant, precision), trainers_of(variant, trainers)
        mine, flops = found.of(f"{variant} ours").median / steps, step_flops(config, contenders.tokens, contenders.patch_values)
        row = {
            "case": f"{case.preset}, {contenders.tokens} tokens",
            "variant": variant,
            "batch": config.batch_size,
            "precision": precision,
            "steps_per_second": 1 / mine,
            "tokens_per_second": config.batch_size * contenders.tokens / mine,
            "model_flops_per_step": flops,
            "model_flop_utilisation": flops / mine / peak,
            "ratio_to_oracle": found.ratio(f"{variant} oracle", f"{variant} ours"),
            "ratio_to_oracle_with_kernels": found.ratio(f"{variant} kernels", f"{variant} ours"),
            **({"ratio_to_oracle_compiled": found.ratio(f"{variant} oracle", f"{variant} {COMPILED}")} if COMPILED in measured else {}),
        }
        if variant.endswith("/full") and (unseparated := variant.replace("full", "none")) in variants:
            row["step_over_unseparated"] = found.ratio(f"{variant} ours", f"{unseparated} ours")
        rows.append(row)
    if memories:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            for row in rows:
                for trainer in trainers_of(row["variant"], trainers):
                    given = (case, row["variant"], trainer, str(device), precision, threads)
                    row["peak_memory_mib" if trainer == "ours" else f"peak_memory_mib_{trainer}"] = pool.apply(peak_mib, given)
    return rows


def show(rows: list[dict[str, Any]]) -> None:
    print(f"{'case':<17} {'variant':<23} {'steps/s':>8} {'tokens/s':>9} {'MFU':>6} {'MiB':>6} {'oracle, kernels MiB':>19}", end="  ")
    print(f"{'oracle / ours':<20} {'kernels / ours':<20} {'over unseparated':<20} oracle / compiled")
    for row in rows:
        others = ", ".join(f"{row.get(f'peak_memory_mib_{trainer}', float('nan')):.0f}" for trainer in TRAINERS[1:])
        print(
            f"{row['case']:<17} {row['variant']:<23} {row['steps_per_second']:>8.3g} {row['tokens_per_second']:>9.0f}"
            f" {row['model_flop_utilisation']:>6.1%} {row.get('peak_memory_mib', float('nan')):>6.0f} {others:>19}"
            f"  {row['ratio_to_oracle']!s:<20} {row['ratio_to_oracle_with_kernels']!s:<20} {row.get('step_over_unseparated', '')!s:<20}"
            f" {row.get('ratio_to_oracle_compiled', '')}",
            flush=True,
        )


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--model", nargs="*", default=[], help="nano, S/2, B/2, L/2, XL/2 (default: nano S/2 on a CPU, B/2 XL/2 on a GPU)")
    parser.add_argument("--variant", nargs="*", default=list(VARIANTS), choices=VARIANTS)
    parser.add_argument("--batch", type=int, help="images per step")
    parser.add_argument("--precision", choices=("fp32", "bf16"), help="default: fp32 on a CPU, bf16 on a GPU")
    parser.add_argument("--rounds", type=int, default=15, help="turns of each contender; the median counts")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--no-compiled", action="store_true", help="leave out what a long run on a CPU is: compiled, minutes a method")
    parser.add_argument("--no-memory", action="store_true", help="leave out the processes that measure peak memory")
    parser.add_argument("--results", type=Path, default=measuring.RESULTS, help="folder of the JSON")
    given = parser.parse_args(arguments)
    torch.set_num_threads(given.threads)
    memory.keep_freed()  # as a trial does; the oracle gains as well
    device = torch.device(given.device)
    precision = given.precision or ("bf16" if device.type == "cuda" else "fp32")
    about = measuring.facts(device, clock=Clock(device, given.threads).name, threads=given.threads)
    print(f"{about['device']}, {precision}, {given.threads} thread(s), {about['clock']} seconds, torch {torch.__version__}")
    trainers = (*TRAINERS, *((COMPILED,) if device.type == "cpu" and not given.no_compiled else ()))
    for case in cases(device, given.model, given.batch):
        torch.compiler.reset()
        memories = not given.no_memory
        rows = measure(case, given.variant, device, precision, given.rounds, given.threads, trainers=trainers, memories=memories)
        show(rows)
        print(f"kept in {measuring.keep(result_name(case.preset, device.type), about, rows, given.results)}")


if __name__ == "__main__":
    main()
