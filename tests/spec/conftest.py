"""Loads the small sweep from a file, or reads off why it is refused."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from small_sweep import SWEEP, Load, Refused

from sweeper.errors import SpecError
from sweeper.spec.load import LoadedSweep, load_sweep


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Loads SWEEP with some of its fields replaced (None takes a field out), or a text."""
    monkeypatch.chdir(tmp_path)

    def make(text: str | None = None, *, profile: str | None = None, overrides: Sequence[str] = (), **changed: Any) -> LoadedSweep:
        whole = {key: value for key, value in (SWEEP | changed).items() if value is not None}
        Path("sweep.yaml").write_text(text if text is not None else yaml.safe_dump(whole, sort_keys=False))
        return load_sweep(Path("sweep.yaml"), profile=profile, overrides=overrides)

    return make


@pytest.fixture
def refused(load: Load) -> Refused:
    """The message that refuses a sweep, without the file's name."""

    def make(text: str | None = None, **changed: Any) -> str:
        with pytest.raises(SpecError) as caught:
            load(text, **changed)
        return str(caught.value).removeprefix("sweep.yaml: ")

    return make
