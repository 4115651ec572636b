"""A desk with a trial on it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from queue_of import Desk, planned


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path, [planned()])
    yield made
    made.store.close()
