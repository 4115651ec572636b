"""Sweeps on a user's own images, loaded without a file on the way where that is not the point."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sweeper.spec.load import LoadedSweep, check_sweep
from sweeper.spec.sweep_spec import SweepSpec

MakeSweep = Callable[..., LoadedSweep]


@pytest.fixture
def sweep_of() -> MakeSweep:
    """A checked sweep of nano trials with some of its fields replaced."""

    def make(**changed: Any) -> LoadedSweep:
        whole: dict[str, Any] = {
            "question": "q?",
            "name": "n",
            "base": {"preset": "nano"},
            "design": {"kind": "variants", "variants": {"a": {}, "b": {"timesteps.kind": "dual"}}},
            "seeds": 2,
            "metric": {"primary": "held_out_loss", "direction": "lower"},
        }
        return check_sweep(SweepSpec.read(whole | changed), "default", "sweep.yaml")

    return make


@pytest.fixture
def images(tmp_path: Path) -> Callable[[str, int], Path]:
    """Writes a small data set of the given content under a name."""

    def make(name: str, content: int) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.full((20, 8, 8), 100 + content, np.uint8)
        np.savez(path, images=pixels, labels=np.arange(20) % 2)
        return path

    return make
