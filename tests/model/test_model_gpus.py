"""The GPUs that a process may use: those that CUDA names, or, without CUDA's library, those of the driver's table that were chosen."""

import shutil
import subprocess
from pathlib import Path

import pytest

from model import machine
from model.machine import gpu_models

A100, T400 = "NVIDIA A100-SXM4-80GB", "NVIDIA T400 4GB"
CARDS = {"0000:17:00.0": (A100, "GPU-17aa0049-554c"), "0000:65:00.0": (T400, "GPU-65bb0049-554c")}


@pytest.fixture
def driver(tmp_path: Path) -> Path:
    """The table of a driver with two different cards."""
    for bus, (model, uuid) in CARDS.items():
        (tmp_path / bus).mkdir()
        (tmp_path / bus / "information").write_text(f"Model: \t\t {model}\nIRQ:   \t\t 75\nGPU UUID: \t {uuid}\nBus Location: \t {bus}\n")
    return tmp_path


@pytest.fixture
def made_up_cuda(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CUDA driver library, compiled here."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler to build the made-up CUDA with (Debian: apt-get install gcc libc6-dev)")
    library = tmp_path_factory.mktemp("cuda") / "libcuda.so.1"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, Path(__file__).with_name("made_up_cuda.c")], check=True)
    return library


@pytest.mark.parametrize(
    ("chosen", "models"),
    [
        (None, (A100, T400)),
        ("", ()),
        ("-1", ()),
        ("0", (A100,)),
        ("1", (T400,)),
        ("1,0", (T400, A100)),
        ("0, 1", (A100, T400)),
        ("GPU-65", (T400,)),
        ("GPU-65bb0049-554c,GPU-17aa0049-554c", (T400, A100)),
        ("GPU-", ()),  # two cards begin so
        ("MIG-377e0049-554c", ()),  # a part of a card, which CUDA alone can name
        ("0,", (A100,)),
        ("1,7,0", (T400,)),  # nothing counts behind a card that is not there
        ("7", ()),
        ("NoDevFiles", ()),
    ],
)
def test_without_cuda_the_chosen_cards_are_read_off_the_driver(
    chosen: str | None, models: tuple[str, ...], driver: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "CUDA_LIBRARY", "libcuda-that-is-not-here.so")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if chosen is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", chosen)
    assert gpu_models(driver) == models


def test_without_a_driver_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "CUDA_LIBRARY", "libcuda-that-is-not-here.so")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert gpu_models(tmp_path / "nothing") == ()


def test_cuda_is_asked_for_the_chosen_devices(made_up_cuda: Path, driver: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its word counts, in its order: a part of a card has a name of its own, and no table says which card a container may use."""
    monkeypatch.setattr(machine, "CUDA_LIBRARY", str(made_up_cuda))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "MIG-377e0049-554c")
    monkeypatch.setenv("MADE_UP_GPUS", f"{A100} MIG 1g.10gb")
    assert gpu_models(driver) == (f"{A100} MIG 1g.10gb",)
    monkeypatch.setenv("MADE_UP_GPUS", f"{T400};{A100}")
    assert gpu_models(driver) == (T400, A100)
    monkeypatch.delenv("MADE_UP_GPUS")
    assert gpu_models(driver) == (), "a container that sees the driver's table and may use no card"


def test_a_cuda_that_hangs_has_no_devices(made_up_cuda: Path, driver: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "CUDA_LIBRARY", str(made_up_cuda))
    monkeypatch.setattr(machine, "_ASK_CUDA", "import time; time.sleep(60)")
    monkeypatch.setattr(machine, "ANSWER_SECONDS", 0.2)
    assert gpu_models(driver) == ()
