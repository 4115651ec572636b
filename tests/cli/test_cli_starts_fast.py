"""Commands in a process of their own: what they load, how they exit, that looking starts nothing. benchmarks/start_up.py times them."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from stored_sweep import store_sweep

HEAVY = {"torch", "torchvision", "ray", "mlflow", "sklearn", "pandas", "matplotlib", "tensorboardX", "datasets"}
LOOK = (
    "import sys; from sweeper.cli.app import run_command; code = run_command(sys.argv[1:]); print('LOADED', *sys.modules); sys.exit(code)"
)
SCRIPT = Path(sys.executable).with_name("sweeper")


def run(*words: str, home: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"SWEEPER_HOME": str(home)}
    return subprocess.run(list(words), env=environment, capture_output=True, text=True, check=False, timeout=300)


@pytest.mark.parametrize("command", ["check", "plan", "status", "report", "show", "schema"])
def test_a_command_that_looks_loads_nothing_heavy(home: Path, command: str) -> None:
    planned = store_sweep()
    words = {"plan": ["sweep.yaml"], "check": ["sweep.yaml"], "show": [planned.trials[0].fingerprint]}.get(command, [])
    done = run(sys.executable, "-c", LOOK, command, *words, home=home)
    assert (done.returncode, done.stderr) == (0, "")
    loaded = {name.split(".")[0] for name in done.stdout.split("LOADED")[1].split()}
    assert "sweeper" in loaded
    assert loaded & HEAVY == set()


@pytest.mark.skipif(not SCRIPT.exists(), reason="the package is not installed beside this interpreter")
def test_the_installed_command(home: Path) -> None:
    plan = run(str(SCRIPT), "plan", "sweep.yaml", "--json", "--profile", "smoke", home=home)
    assert (plan.returncode, plan.stderr) == (0, "")
    assert json.loads(plan.stdout)["counts"] == {"run": 8}
    wrong = run(str(SCRIPT), "plan", "sweeep.yaml", home=home)
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr == 'error: there is no file sweeep.yaml; did you mean "sweep.yaml"?\n'
    debug = run(str(SCRIPT), "--debug", "plan", "sweeep.yaml", home=home)
    assert debug.returncode == 2
    assert "Traceback (most recent call last)" in debug.stderr
    assert not home.exists()


def test_the_printed_schema_is_one(sweeper: Callable[..., Any]) -> None:
    printed = sweeper("schema")
    assert (printed.code, printed.err) == (0, "")
    jsonschema.Draft202012Validator.check_schema(json.loads(printed.out))
