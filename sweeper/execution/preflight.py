"""A preflight of configs in a process of its own, so that the one that asks stays light and outlives whatever a config does.

`python -m sweeper.execution.preflight` is that process: a JSON request on its standard input, a line of JSON per config on its output.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from model.config import TrainConfig, modules_also_in
from model.train_trial import DataFacts, preflight
from sweeper.execution.own_process import environment_here, last_line

LONGEST_SECONDS = 600.0
"""For all configs of a sweep; a step of a cut one takes seconds."""


@dataclass(frozen=True)
class Checked:
    """What became of the preflight of one config."""

    checked: str
    seconds_per_step: float | None
    error: str | None
    """In one line, where it failed."""


def check_configs(
    configs: Mapping[str, tuple[Mapping[str, Any], DataFacts]], *, threads: int, user_code: tuple[Path, ...]
) -> dict[str, Checked]:
    """What became of each JSON-ready config with the facts of its data, by name.

    A config that ends or outlasts the process has an error, and those after it are not there.
    """
    asked = {name: {"config": config, "facts": asdict(facts)} for name, (config, facts) in configs.items()}
    request = json.dumps({"asked": asked, "threads": threads, "user_code": [str(path) for path in user_code]})
    command = [sys.executable, "-P", "-m", "sweeper.execution.preflight"]
    try:
        done = subprocess.run(
            command,
            input=request,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=LONGEST_SECONDS,
            check=False,
            env=environment_here(),
        )
        output, trouble = done.stdout, f"its process ended with {done.returncode}: {last_line(done.stderr)}" if done.returncode else None
    except subprocess.TimeoutExpired as error:
        output = error.stdout.decode() if isinstance(error.stdout, bytes) else error.stdout or ""
        trouble = f"it took longer than {LONGEST_SECONDS:g} s"
    found = {
        line["name"]: Checked(line["checked"], line["seconds_per_step"], line["error"]) for line in map(json.loads, output.splitlines())
    }
    if trouble is not None and (left := [name for name in configs if name not in found]):
        found[left[0]] = Checked("", None, trouble)
    return found


def _serve() -> None:
    request = json.load(sys.stdin)
    out, sys.stdout = sys.stdout, sys.stderr  # what a library prints is no answer
    with modules_also_in(tuple(map(Path, request["user_code"]))):
        for name, asked in request["asked"].items():
            answer: dict[str, Any] = {"name": name, "checked": "", "seconds_per_step": None, "error": None}
            try:
                result = preflight(TrainConfig.model_validate(asked["config"]), DataFacts(**asked["facts"]), request["threads"])
                answer |= {"checked": result.checked, "seconds_per_step": result.seconds_per_step}
            except Exception as error:  # whatever a config raises is what was asked for
                first = (str(error).strip().splitlines() or [""])[0]
                answer["error"] = f"{type(error).__name__}: {first}"
            out.write(json.dumps(answer) + "\n")
            out.flush()


if __name__ == "__main__":
    _serve()
