"""A copy of a user's module names the same trial as the module itself, wherever it is imported."""

import subprocess
import sys
from pathlib import Path

import pytest

from model.config import modules_also_in
from model.config.user_classes import source_hash
from sweeper.driver.job_maker import kept_copy

FILES = {
    "alone.py": "class Mine: ...\n",
    "with_beside.py": "import helper_beside\nfrom tools_beside import rows\nclass Mine(helper_beside.Base): ...\n",
    "helper_beside.py": "class Base: ...\n",
    "tools_beside/__init__.py": "from tools_beside.more import x\n",
    "tools_beside/rows.py": "from . import more\n",
    "tools_beside/more.py": "x = 1\n",
    "parcel/__init__.py": "",
    "parcel/orders.py": "from parcel.inner.base import Base\nclass Mine(Base): ...\n",
    "parcel/inner/__init__.py": "",
    "parcel/inner/base.py": "class Base: ...\n",
}
IMPORTED = """
import importlib, sys
from model.config import modules_also_in
from model.config.user_classes import source_hash
from pathlib import Path
path, folder = sys.argv[1:]
with modules_also_in([Path(folder)]):
    print(source_hash(path))
    module, _, name = path.rpartition(".")
    assert getattr(importlib.import_module(module), name).__name__ == name
    assert importlib.import_module(module).__file__.startswith(folder)
"""


@pytest.fixture
def written(tmp_path: Path) -> Path:
    folder = tmp_path / "of the user"
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def imported(path: str, folder: Path) -> str:
    """Its hash there, once it was imported in a process that sees no other folder."""
    return subprocess.run([sys.executable, "-c", IMPORTED, path, str(folder)], capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize("path", ["alone.Mine", "with_beside.Mine", "parcel.orders.Mine"])
def test_the_copy_is_imported_and_has_the_hash_of_the_original(path: str, written: Path, tmp_path: Path) -> None:
    copy = kept_copy({"partition": {"assignment": path}}, [written], tmp_path / "code")
    assert copy is not None
    assert copy.parent == tmp_path / "code"
    assert imported(path, copy) == imported(path, written)


def test_it_is_written_once_for_each_content_and_nothing_is_left_beside(written: Path, tmp_path: Path) -> None:
    first, again = (kept_copy({"partition": {"assignment": "alone.Mine"}}, [written], tmp_path / "code") for _ in range(2))
    (written / "alone.py").write_text("class Mine: ...  # changed\n")
    changed = kept_copy({"partition": {"assignment": "alone.Mine"}}, [written], tmp_path / "code")
    assert first == again != changed
    assert set((tmp_path / "code").iterdir()) == {first, changed}


def test_what_is_ours_or_gone_has_none(written: Path, tmp_path: Path) -> None:
    assert kept_copy({"partition": {"assignment": "raster"}}, [written], tmp_path / "code") is None
    assert kept_copy({"partition": {"assignment": "nowhere.Mine"}}, [written], tmp_path / "code") is None
    assert not (tmp_path / "code").exists()


def test_a_copy_holds_all_classes_that_a_config_names(written: Path, tmp_path: Path) -> None:
    """An assignment and a sampler, each found in the one folder."""
    (written / "steps.py").write_text("class Own:\n    pass\n")
    both = {"partition": {"assignment": "alone.Mine"}, "evaluation": {"sampler": {"kind": "steps.Own"}}}
    copy = kept_copy(both, [written], tmp_path / "code")
    assert copy is not None
    assert sorted(file.name for file in copy.iterdir()) == ["alone.py", "steps.py"]
    alone = kept_copy({"evaluation": {"sampler": {"kind": "steps.Own"}}}, [written], tmp_path / "code")
    assert alone is not None
    assert [file.name for file in alone.iterdir()] == ["steps.py"]


def test_the_original_comes_first(written: Path, tmp_path: Path) -> None:
    """A module may read what lies beside it."""
    copy = kept_copy({"partition": {"assignment": "alone.Mine"}}, [written], tmp_path / "code")
    assert copy is not None
    with modules_also_in([written, copy]):
        before = source_hash("alone.Mine")
        (copy / "alone.py").write_text("another")
        assert source_hash("alone.Mine") == before
