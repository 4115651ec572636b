"""`sweeper show`: all that is known of one trial."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
import yaml
from rich.console import Console
from rich.text import Text

from model.train_trial import state_files
from sweeper.records import AttemptRecord, PointRecord, TrialHistory
from sweeper.service.open_store import store_with_results
from sweeper.settings import Settings
from sweeper.trial_folder import LOG_FILE, attempt_folder, end_of_log, facts_file, pictures_in
from sweeper.visible import lines

LOG_LINES = 10


def show(trial: Annotated[str, typer.Argument(metavar="TRIAL", help="A trial's name, or how it begins (see `sweeper status`).")]) -> None:
    """Show a trial's config, provenance, metrics, where its checkpoint and samples are, and the end of its log."""
    settings = Settings()
    with store_with_results(settings) as store:
        history = store.history(store.find_trial(trial))
    console = Console(highlight=False, soft_wrap=True)
    for block in describe(history, settings.trials / history.fingerprint):
        console.print(Text(lines(block)))


def describe(history: TrialHistory, folder: Path) -> list[str]:
    """The blocks of text that `show` prints."""
    sweeps = "\n".join(f"  {name} ({profile}): {variant}, seed {seed}" for name, profile, variant, seed in history.sweeps)
    blocks = [f"trial {history.fingerprint}\n{sweeps}\n", "config\n" + _indented(history.config)]
    blocks += [_attempt(attempt, attempt_folder(folder, attempt.number)) for attempt in history.attempts]
    if history.evaluations:
        blocks.append("metrics\n" + "\n".join(_metric(point) for point in history.evaluations) + "\n")
        blocks.append("beside them\n" + _indented(history.details))
    return blocks


def _metric(point: PointRecord) -> str:
    return f"  step {point.step:>8,}  {point.metric:<18} {point.value:.6g}"


def _attempt(attempt: AttemptRecord, folder: Path) -> str:
    ended = f", ended {attempt.ended:%Y-%m-%d %H:%M:%S}" if attempt.ended else ""
    lines = [
        f"attempt {attempt.number}: {attempt.state}, steps {attempt.start_step:,} to {attempt.step:,}",
        f"  started {attempt.started:%Y-%m-%d %H:%M:%S}{ended} UTC",
    ]
    state = state_files(folder)
    shown = {kind: [file.path for file in state if file.kind == kind] for kind in ("checkpoint", "average")}
    shown |= {"samples": pictures_in(folder), "data": [path for path in [facts_file(folder)] if path.exists()]}
    lines += [f"  {title:<11}{path}" for title, paths in shown.items() for path in paths]
    if attempt.checkpoint_step and not shown["checkpoint"]:
        lines.append(f"  {'checkpoint':<11}none is here any more; its newest was of step {attempt.checkpoint_step:,}")
    tail = end_of_log(folder, LOG_LINES)
    lines.append(f"  {'log':<11}{folder / LOG_FILE}" if tail is not None else f"  {'folder':<11}{folder} (not on this machine)")
    blocks = {"comparability": dict(attempt.comparability), "provenance": dict(attempt.provenance)}
    lines.append(_indented(blocks).rstrip())
    if attempt.error:
        lines.append("  error\n" + "\n".join(f"    {line}" for line in attempt.error.splitlines()))
    if tail is not None:
        lines.append(f"  last {len(tail)} lines of the log\n" + "\n".join(f"    {line}" for line in tail))
    return "\n".join(lines) + "\n"


def _indented(mapping: Mapping[str, object]) -> str:
    text = yaml.safe_dump(dict(mapping), sort_keys=False, allow_unicode=True, default_flow_style=None, width=110)
    return "".join(f"  {line}\n" for line in text.splitlines())
