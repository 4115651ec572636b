"""The command line in this process, on a machine that is always the same, with an empty SWEEPER_HOME."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from sweeper.cli.app import run_command
from sweeper.plan.machine import Machine

SWEEP = Path(__file__).parents[1] / "three_seeds.yaml"


@dataclass(frozen=True)
class Said:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """SWEEPER_HOME, which does not exist; the current directory holds `sweep.yaml`, four variants at three seeds."""
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")
    monkeypatch.setattr(Machine, "here", classmethod(lambda cls: cls(2, (), cluster=False)))
    monkeypatch.setattr("sweeper.plan.machine.cpu_model", lambda: "cpu (A)")
    for name in ("SWEEPER_DATABASE_URL", "SWEEPER_MLFLOW_URI", "RAY_ADDRESS", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SWEEPER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "120")
    Path("sweep.yaml").write_text(SWEEP.read_text())
    return tmp_path / "home"


@pytest.fixture
def sweeper(home: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Runs a command line."""

    def run(*words: str, debug: bool = False) -> Said:
        capsys.readouterr()
        code = run_command(list(words), debug=debug)
        captured = capsys.readouterr()
        return Said(code, captured.out, captured.err)

    return run


@pytest.fixture
def refused(sweeper: Callable[..., Said], home: Path) -> Callable[..., str]:
    """The message of a command that exits with 2, prints nothing else, no traceback, and leaves no SWEEPER_HOME."""

    def run(*words: str) -> str:
        said = sweeper(*words)
        assert (said.code, said.out) == (2, "")
        assert said.err.startswith("error: ")
        assert said.err.count("\n") == 1, "one line"
        assert not home.exists(), "nothing was started"
        return said.err.removeprefix("error: ").removesuffix("\n")

    return run
