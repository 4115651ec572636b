"""What the quick commands import stays light: each check starts a fresh interpreter and looks at `sys.modules`."""

import json
import pkgutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = ("torch", "ray", "mlflow", "sqlalchemy", "scipy", "pandas", "sklearn")
LIGHT_MODULES = [
    ("sweeper.spec.sweep_spec", HEAVY),
    ("sweeper.spec.designs", HEAVY),
    ("sweeper.metrics", HEAVY),
    ("sweeper.records", HEAVY),
    ("sweeper.settings", HEAVY),
    ("model.config", (*HEAVY, "numpy")),
    ("model.presets", (*HEAVY, "numpy")),
    ("model.train_trial", HEAVY),
    ("model.analyse_trial", HEAVY),
]
"""(module, what importing it must not load)."""
LIGHT_PACKAGES = ("sweeper.spec", "sweeper.stats", "sweeper.plan", "sweeper.store", "sweeper.report")
PROBE = """
import importlib, json, sys
modules, forbidden = json.loads(sys.argv[1])
blame = {}
for name in modules:
    before = set(sys.modules)
    importlib.import_module(name)
    if loaded := sorted(set(forbidden) & (set(sys.modules) - before)):
        blame[name] = loaded
print(json.dumps(blame))
"""


def heavy_loads(modules: Sequence[str], forbidden: Sequence[str]) -> dict[str, list[str]]:
    """Module -> forbidden packages that importing it loaded, the modules imported in turn by one fresh interpreter."""
    command = [sys.executable, "-c", PROBE, json.dumps([modules, forbidden])]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert result.returncode == 0, result.stderr
    blame: dict[str, list[str]] = json.loads(result.stdout)
    return blame


def modules_of(package: str) -> Iterator[str]:
    """The package and every module under it, found on disk without importing any; a folder without `__init__.py` holds none."""
    yield package
    for module in pkgutil.iter_modules([str(ROOT.joinpath(*package.split(".")))]):
        name = f"{package}.{module.name}"
        if name == "sweeper.store.migrations":  # run by Alembic, never imported
            continue
        if module.ispkg:
            yield from modules_of(name)
        else:
            yield name


@pytest.mark.parametrize(("module", "forbidden"), LIGHT_MODULES, ids=[module for module, _ in LIGHT_MODULES])
def test_shared_words_load_nothing_heavy(module: str, forbidden: tuple[str, ...]) -> None:
    assert heavy_loads([module], forbidden) == {}


@pytest.mark.parametrize("package", LIGHT_PACKAGES)
def test_quick_rooms_never_load_torch_ray_or_mlflow(package: str) -> None:
    assert heavy_loads(list(modules_of(package)), ("torch", "ray", "mlflow")) == {}


def test_the_probe_sees_a_heavy_import() -> None:
    assert heavy_loads(["json", "sqlalchemy.orm"], HEAVY) == {"sqlalchemy.orm": ["sqlalchemy"]}


def test_modules_are_found_at_every_depth() -> None:
    found = set(modules_of("sweeper"))
    assert {"sweeper", "sweeper.records", "sweeper.spec", "sweeper.spec.designs"} <= found
    assert not any(name.startswith("sweeper.store.migrations") for name in found)
