"""Files that say what is not so, and how a sweep over them is refused."""

import io
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sweeper.cli.app import run_command
from sweeper.plan.machine import Machine

IMAGES = np.random.default_rng(0).integers(0, 256, (40, 8, 8), dtype=np.uint8)
LABELS = np.arange(40) % 4
Spoil = Callable[[Path], None]


def npy(array: np.ndarray, shape: tuple[int, ...] | None = None, dtype: str | None = None) -> bytes:
    """An `.npy` whose header may say something else than its data."""
    out = io.BytesIO()
    header = {"descr": dtype or np.lib.format.dtype_to_descr(array.dtype), "fortran_order": False, "shape": shape or array.shape}
    np.lib.format.write_array_header_1_0(out, header)
    return out.getvalue() + array.tobytes()


class Trap:
    """Makes a file when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return Path.touch, (self.file,)


def damaged(whole: bytes, draw: random.Random) -> bytes:
    changed = bytearray(whole)
    for _ in range(draw.choice([1, 3, 10])):
        changed[draw.randrange(len(changed))] = draw.randrange(256)
    return bytes(changed[: draw.randrange(1, len(changed))] if draw.random() < 0.3 else changed)


def plan_is_refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], home: Path, data: str) -> str:
    """What `run` says of the data: one line, exit code 2, and no SWEEPER_HOME."""
    monkeypatch.setattr(Machine, "here", classmethod(lambda cls: cls(2, (), cluster=False)))
    for name in ("SWEEPER_DATABASE_URL", "SWEEPER_MLFLOW_URI", "RAY_ADDRESS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SWEEPER_HOME", str(home))
    sweep = Path(__file__).parents[1] / "three_seeds.yaml"
    capsys.readouterr()
    assert run_command(["run", str(sweep), "--set", f"base.data={data}"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("error: ")
    assert said.err.count("\n") == 1
    assert not home.exists(), "nothing was started"
    return said.err
