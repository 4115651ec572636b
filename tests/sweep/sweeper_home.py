"""A folder of its own for real sweeps: the command as a user types it, Ray, MLflow and SQLite as they are."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sweeper.records import SweepSnapshot
from sweeper.store.results_store import ResultsStore

ROOT = Path(__file__).parents[2]
TINY = Path(__file__).with_name("tiny.yaml")
SHIPPED = ROOT / "sweeps" / "noise_aug_vs_interaction.yaml"
COMMAND = [sys.executable, "-P", "-c", "from sweeper.cli.app import main; main()"]


@dataclass(frozen=True)
class Home:
    """A SWEEPER_HOME and the commands run on it."""

    path: Path
    more: Mapping[str, str] = field(default_factory=dict)
    """Environment variables beside those of a home."""

    @property
    def environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("SWEEPER_", "MLFLOW_", "RAY_"))}
        ours = {"SWEEPER_HOME": str(self.path), "SWEEPER_MLFLOW_PAGES": "false", "COLUMNS": "100", "PYTHONWARNINGS": "ignore"}
        ours["SWEEPER_STOP_SECONDS"] = "200"  # a busy machine takes its time
        return inherited | ours | self.more

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """A command in the background, in a process group of its own."""
        return subprocess.Popen(
            [*COMMAND, *arguments],
            env=self.environment,
            cwd=self.path,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def run(self, *arguments: str, exit_code: int = 0) -> str:
        """Output of a command that ends with `exit_code`."""
        process = self.start(*arguments)
        output, _ = process.communicate(timeout=500)
        assert process.returncode == exit_code, output
        return output

    def sweep(self, *arguments: str, exit_code: int = 0) -> str:
        """`sweeper run` on the tiny sweep."""
        return self.run("run", str(TINY), *arguments, exit_code=exit_code)

    def store(self) -> ResultsStore:
        return ResultsStore.open(f"sqlite:///{self.path / 'sweeper.db'}")

    def snapshot(self) -> SweepSnapshot:
        with self.store() as store:
            return store.snapshot()

    def metrics(self) -> dict[tuple[str, int], dict[str, float]]:
        """Reproducible metrics of every trial of the newest sweep."""
        changing = {"steps_per_second", "peak_memory_mib"}
        return {
            (o.variant, o.seed): {name: value for name, value in o.metrics.items() if name not in changing}
            for o in self.snapshot().outcomes
        }


def wait_for(what: Callable[[], bool], seconds: float = 400) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.2)


def workers(process: subprocess.Popen[str], title: str = "ImplicitFunc") -> list[int]:
    """Ray's worker processes with this in their title, found below the driver: other tests may have theirs on this machine."""
    found = []
    for pid in below(process.pid):
        with contextlib.suppress(OSError):  # ended while we looked
            shown = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
            if shown.startswith("ray::") and title in shown:
                found.append(pid)
    return found


def below(ancestor: int) -> list[int]:
    """A process and all that it started, itself or by others."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):  # ended while we looked
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])

    def descends(pid: int) -> bool:
        return pid == ancestor or (pid in parents and descends(parents[pid]))

    return [pid for pid in parents if descends(pid)]
