"""`python -m model train CONFIG.yaml`: train one trial without Ray, store or MLflow, for debugging."""

import argparse
import sys
from pathlib import Path

from model.commands.config_file import read_config
from model.config import modules_also_in
from model.train_trial import TrialReport, check, gpu_models, train_trial


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("config", type=Path, help="YAML file with a `preset` and what differs from it")
    parser.add_argument("--folder", type=Path, default=Path("model-run"), help="where checkpoints and samples go (default: ./model-run)")
    parser.add_argument("--device", default="cuda" if gpu_models() else "cpu", help="cpu or cuda (default: a GPU where there is one)")
    parser.add_argument("--threads", type=int, default=1, help="torch threads on a CPU")


def run(given: argparse.Namespace) -> None:
    """Trains up to the config's steps; run again, it resumes from its folder. A class of the user's may stand beside the config file."""
    with modules_also_in([given.config.parent]):
        _run(given)


def _run(given: argparse.Namespace) -> None:
    config = read_config(given.config)
    found = check(config, cache=given.folder / "judges" if given.folder.is_dir() else None)
    for line in filter(None, (found.classes_in_words and f"labels: {found.classes_in_words}", *found.remarks)):
        sys.stdout.write(f"{line}\n")
    sys.stdout.write(f"device {given.device}, {config.steps} steps, folder {given.folder}\n")
    result = train_trial(
        config,
        given.folder,
        _say,
        cache=given.folder / "judges",
        resume_from=[given.folder],
        device=given.device,
        threads=given.threads,
    )
    sys.stdout.write(f"finished at step {result.step}; samples and checkpoints in {given.folder}\n")


def _say(report: TrialReport) -> bool:
    if report.kind != "alive":
        values = "  ".join(f"{name} {value:.5g}" for name, value in report.metrics.items())
        sys.stdout.write(f"step {report.step:>7}  {report.kind:<10}  {values or dict(report.details) or ''}\n")
        sys.stdout.flush()
    return True
