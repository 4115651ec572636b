"""The table of what was measured, for docs/speed.md: `python benchmarks/summary.py [--write]`.

Read from benchmarks/results/; a figure that was never measured on a device is shown as unmeasured.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.contenders import PUBLISHED
from benchmarks.measuring import RESULTS, UNMEASURED, kept

PAGE = Path(__file__).parents[1] / "docs" / "speed.md"
BEGIN, END = "<!-- benchmarks: by `make bench` -->", "<!-- benchmarks end -->"
Row = dict[str, Any]


def _row(file: str, device: str, folder: Path, **wanted: Any) -> Row | None:
    found = kept(f"{file}-{device}", folder)
    rows: list[Row] = found["rows"] if found else []
    return next((row for row in rows if all(row.get(key) == value for key, value in wanted.items())), None)


def _times(spread: list[float], decimals: int = 2) -> str:
    median, low, high = (f"{value:.{decimals}f}" for value in spread)
    return f"{median}x [{low}, {high}]"


def _oracle(row: Row) -> str:
    ours, theirs = row.get("peak_memory_mib"), row.get("peak_memory_mib_kernels")
    memories = "" if ours is None or theirs is None else f"; {ours:.0f} MiB, oracle with kernels {theirs:.0f}"
    ratio = _times(row["ratio_to_oracle"]) + _compiled(row, "ratio_to_oracle_compiled")
    return f"{ratio}; with torch's kernels {_times(row['ratio_to_oracle_with_kernels'])}{memories}"


def _released(row: Row) -> str:
    ours, compiled, theirs = (row.get(f"peak_memory_mib_{trainer}") for trainer in ("ours", "compiled", "released"))
    memory = (
        ""
        if ours is None or theirs is None
        else f"; {ours:.0f} MiB, {f'compiled {compiled:.0f}, ' if compiled else ''}released {theirs:.0f}"
    )
    return _times(row["ratio_to_released"]) + _compiled(row, "ratio_to_released_compiled") + memory


def _compiled(row: Row, ratio: str) -> str:
    return f"; compiled {_times(row[ratio])}" if ratio in row else ""


def _samples(row: Row) -> str:
    return f"{row['samples_over_training']:.2f}x (from {row['samples_measured']:,} samples and {row['steps_measured']} steps)"


def _seconds(row: Row) -> str:
    return "{:.1f} s [{:.1f}, {:.1f}]".format(*row["seconds"])


def _scale(row: Row) -> str:
    memory = f", {row['peak_mib']:.0f} MiB" if "peak_mib" in row else ""
    return f"{row['processor_seconds']:.1f} s of a processor, {row['seconds']:.1f} s by the clock{memory}"


def _rate(row: Row) -> str:
    return f"{row['trials'] / row['seconds']:.1f} trials/s ({row['trials']:,} trials)"


def _page(row: Row) -> str:
    return f"{row['seconds']:.1f} s, {row['page_mib']:.1f} MiB"


def _overhead(row: Row) -> str:
    return f"{row['overhead']:+.1%} ({row['trials']} trials of {row['trial_seconds']:.0f} s, {row['concurrent']} at a time)"


def _wall(row: Row) -> str:
    return f"{row['wall_seconds']:.1f} s"


def _away(row: Row) -> str:
    return f"{_times(row['to_there'], 3)}; {_share(row)}"


def _streamed(row: Row) -> str:
    return f"{_times(row['streamed_over_resident'])}; {row['images_per_second']:.3g} images/s"


def _share(row: Row) -> str:
    return "share unknown" if row["processor_share"] is None else f"{row['processor_share'][0]:.1%} of a processor"


Figure = tuple[str, str, Callable[[str, Path], str | None]]
"""What it is, its target, and its value on a device from the results in a folder."""


def _figure(what: str, target: str, file: str, say: Callable[[Row], str], **wanted: Any) -> Figure:
    def value(device: str, folder: Path) -> str | None:
        row = _row(file, device, folder, **wanted)
        return None if row is None else say(row)

    return what, target, value


STEPS = {
    "nano, 16 tokens": "at least 1.8x, aim 2x (CPU)",
    "S/2, 256 tokens": "at least 1.5x (CPU)",
    "B/2, 256 tokens": "at least 2.5x (GPU)",
    "XL/2, 256 tokens": "at least 2.5x (GPU)",
}
COMMANDS = {
    "plan": ("`sweeper plan`", "under 2 s"),
    "status": ("`sweeper status`", "under 2 s"),
    "report": ("`sweeper report`", "under 2 s"),
    "run again": ("`sweeper run` where nothing is missing", ""),
    "of it, to the first step": ("`sweeper run`, from the command to the first training step", ""),
    "Ctrl-C, to the end": ("`sweeper run`, from Ctrl-C to its end, its trials checkpointed", "under 20 s"),
}
LARGEST = 100_000
FORMATS = {
    **{
        f"report as {name}": (f"`sweeper report --format {name}`", "under 20 s and 500 MiB")
        for name in ("csv", "markdown", "latex", "html")
    },
    "report as JSON": ("`sweeper report --format json`", "under 30 s and 500 MiB"),
    "results()": ("`sweeper.results()`", "under 500 MiB"),
}
BROWSER = "the page in a browser"
LIMITS = {10_000: "under 2 s", 100_000: "under 15 s"}
"""Trials, of 20 metrics each."""


def _step_file(case: str) -> str:
    return f"train_step-{case.split(',')[0].replace('/', '')}"


def _step(what: str, target: str, case: str, say: Callable[[Row], str], variant: str = "dual/full") -> Figure:
    return _figure(f"{what}, {case}", target, _step_file(case), say, case=case, variant=variant)


def _longer(tokens: int) -> Figure:
    what = f"step of dual/full over dual/none, {tokens:,} tokens, width 256, 4 layers"
    return _figure(
        what, "below 1x", "scaling", lambda row: _times(row["over_dual_none"]), axis="tokens", tokens=tokens, variant="dual/full"
    )


FIGURES: list[Figure] = [
    *(
        _figure(
            f"released trainer's step over ours, {method}, {model}, 256 tokens",
            "at least 1.55x, less memory (CPU)",
            f"released-{model.replace('/', '')}",
            _released,
            method=method,
        )
        for model in ("S/2", "B/2")
        for method in PUBLISHED
    ),
    *(_step("dense oracle's step over ours, dual/full", target, case, _oracle) for case, target in STEPS.items()),
    *(
        _step(f"dense oracle's step over ours, {method}", STEPS[case], case, _oracle, method)
        for case in ("nano, 16 tokens", "S/2, 256 tokens")
        for method in PUBLISHED
    ),
    _step("model FLOP utilisation", "at least 40%, aim 50% (GPU)", "XL/2, 256 tokens", lambda row: f"{row['model_flop_utilisation']:.0%}"),
    _step("step of dual/full over dual/none", "", "nano, 16 tokens", lambda row: _times(row["step_over_unseparated"])),
    _step("step of dual/full over dual/none", "below 1x", "S/2, 256 tokens", lambda row: _times(row["step_over_unseparated"])),
    *map(_longer, (1024, 4096)),
    _figure("10,000 samples over the training of a nano trial, extrapolated", "", "evaluation", _samples, case="nano, 16 tokens"),
    *(
        _figure(
            f"training steps/s: {kind} mapped from a file over {kind} held, {model}, 256 tokens",
            "at least .97x",
            "data",
            _streamed,
            data=kind,
            model=model,
        )
        for kind in ("latents", "images")
        for model in ("nano", "S/2")
    ),
    *(_figure(what, target, "start_up", _seconds, command=command) for command, (what, target) in COMMANDS.items()),
    _figure(
        "overhead of a sweep: wall clock over trials' own seconds / number at once", "within 5%", "sweep_overhead", _overhead, run="sweep"
    ),
    _figure("raw Ray Tune with as many trials that do nothing", "", "sweep_overhead", _wall, run="raw Ray Tune, empty trials"),
    *(
        _figure(
            f"training steps/s: {mlflow}, over MLflow there (median and its 95% interval)",
            "above .99x",
            "mlflow_away",
            _away,
            mlflow=mlflow,
        )
        for mlflow in ("MLflow down", "MLflow takes 5 s an answer")
    ),
    _figure("what a trial has of a processor with MLflow there", "", "mlflow_away", _share, mlflow="MLflow there"),
    *(
        _figure(f"`sweeper {command}`, {trials:,} trials x 20 metrics", target, "store_scale", _scale, command=command, trials=trials)
        for trials, target in LIMITS.items()
        for command in ("plan", "status", "report")
    ),
    *(
        _figure(f"{words}, {LARGEST:,} trials x 20 metrics", target, "store_scale", _scale, command=command, trials=LARGEST)
        for command, (words, target) in FORMATS.items()
    ),
    *(
        _figure(
            f"the page of {trials:,} trials in a browser, until all is drawn",
            "under 3 s and 5 MiB",
            "store_scale",
            _page,
            trials=trials,
            command=BROWSER,
        )
        for trials in LIMITS
    ),
    _figure(
        "`sweeper mlflow sync` to a server on this machine, trials of 20 numbers",
        "at least 20 trials/s",
        "mlflow_sync",
        _rate,
        mlflow="server",
    ),
    _figure("`sweeper mlflow sync` to an SQLite file", "", "mlflow_sync", _rate, mlflow="SQLite file"),
]


def table(folder: Path = RESULTS) -> str:
    """Markdown: a line per figure, and under it what each device's files say of themselves."""
    lines = ["| | target | CPU, fp32 | GPU, bf16 |", "| :-- | :-- | :-- | :-- |"]
    for what, target, value in FIGURES:
        lines.append(f"| {what} | {target} | {value('cpu', folder) or UNMEASURED} | {value('cuda', folder) or UNMEASURED} |")
    lines.append("")
    for path in sorted(folder.glob("*.json")):
        found = kept(path.stem, folder)
        if found is not None and "device" in found:
            threads = "" if found.get("threads") is None else f", {found['threads']} thread(s)"
            lines.append(
                f"* `{path.name}`: {found['device']}{threads}, {found['clock']} seconds, torch {found['versions']['torch']},"
                f" {found['date']}, commit {found['commit']}, load average {found['load_average']}"
            )
    return "\n".join(lines)


def written(page: str, folder: Path = RESULTS) -> str:
    """The page with the table of today between its marks."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table(folder)}\n{END}{after}"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="into docs/speed.md")
    if parser.parse_args(arguments).write:
        PAGE.write_text(written(PAGE.read_text()))
    print(table())


if __name__ == "__main__":
    main()
