"""What goes wrong inside a trial: NaN, no memory, a damaged checkpoint, a full disk. Each is planted where a user could have put it."""

import contextlib
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from tests.faults.disturbing import (
    SMALL,
    Table,
    assert_nothing_lost_nothing_twice,
    attempts,
    finish,
    run,
    start,
    table,
    training,
    wait_until,
)
from tests.sweep.sweeper_home import Home

pytestmark = pytest.mark.slow
STEP = 21


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    """A sweep of one variant whose assignment is the user's, and a folder beside it in which faults are planted."""
    folder = tmp_path / "sweeps"
    folder.mkdir()
    shutil.copy(Path(__file__).with_name("planted.py"), folder / "planted_orders.py")
    sweep = yaml.safe_load(SMALL.read_text()) | {"name": "planted", "contrasts": []}
    sweep["base"] |= {"steps": 40, "timesteps": {"kind": "dual"}, "partition": {"assignment": "planted_orders.Planted"}}
    sweep["design"] = {"kind": "variants", "variants": {"planted": {}}}
    (folder / "planted.yaml").write_text(yaml.safe_dump(sweep))
    return folder / "planted.yaml"


def test_nan_at_a_step_is_a_result_and_want_of_memory_is_met_with_smaller_batches(
    faulty: Home, planted: Path, furnish: Callable[..., Home], wide_cluster: dict[str, str], tmp_path: Path
) -> None:
    for fault in ("nan", "memory"):
        (planted.parent / fault).write_text(str(STEP))
    output = run(faulty, spec=planted, exit_code=3)
    assert f"became nan at step {STEP}" in output
    assert "tried again once with 2 micro-batches of 8 a step, the same batch of 16" in output
    diverged, short = (attempts(faulty, "planted")["planted", seed] for seed in (0, 1))
    assert [(a.state, a.failure, a.start_step, a.checkpoint_step) for a in diverged] == [("diverged", "diverged", 0, 16)]
    assert [(a.state, a.failure, a.start_step) for a in short] == [("failed", "out of memory", 0), ("finished", None, 16)]
    assert [a.comparability["micro_batch"] for a in short] == [16, 8]
    assert "to run" not in run(faulty, spec=planted, exit_code=3), "a result is not run again, nor is what has smaller batches foreign"

    name = diverged_name(faulty)
    said = faulty.run("why", name)
    for line in (
        "class: diverged",
        "policy: not tried again: divergence is a result",
        f"became nan at step {STEP}",
        "lines of",
        "next: ",
    ):
        assert line in said, said

    for fault in ("nan", "memory"):
        (planted.parent / fault).unlink()
    left_alone = furnish(tmp_path / "left alone", wide_cluster)
    run(left_alone, spec=planted)
    assert_same_until_the_fault(table(faulty, "planted"), table(left_alone, "planted"))
    run(faulty, "--fresh", spec=planted)
    assert table(faulty, "planted") == table(left_alone, "planted")


def test_of_two_runs_at_once_one_tries_what_fails(faulty: Home, planted: Path) -> None:
    """The second has another sweep's name and one seed more, and meets the first one's diverged and failed trials."""
    for fault in ("nan", "memory"):
        (planted.parent / fault).write_text(str(STEP))
    pair = [start(faulty, spec=planted), start(faulty, "--set", "name=wider", "--set", "seeds=[1, 0, 2]", spec=planted)]
    for process in pair:
        output = finish(process, exit_code=3)
        assert f"became nan at step {STEP}" in output, "whoever ran it"
    tried = attempts(faulty, "wider")
    states = {seed: [(attempt.state, attempt.failure) for attempt in tried["planted", seed]] for seed in (0, 1, 2)}
    assert states == {0: [("diverged", "diverged")], 1: [("failed", "out of memory"), ("finished", None)], 2: [("finished", None)]}
    shared = attempts(faulty, "planted")
    assert shared == {trial: tried[trial] for trial in shared}


def assert_same_until_the_fault(disturbed: Table, undisturbed: Table) -> None:
    """Bit for bit up to the checkpoint of step 16; after it smaller micro-batches round otherwise."""
    for trial, row in disturbed.items():
        before = {point: value for point, value in row["curves"].items() if point[1] <= 16}
        assert before
        assert before == {point: value for point, value in undisturbed[trial]["curves"].items() if point[1] <= 16}
    short, alone = disturbed["planted", 1], undisturbed["planted", 1]
    assert short["curves"].keys() == alone["curves"].keys()
    assert short["metrics"]["held_out_loss"] == pytest.approx(alone["metrics"]["held_out_loss"], rel=1e-3)


def diverged_name(home: Home) -> str:
    with home.store() as store:
        return next(o.fingerprint for o in store.snapshot("planted").outcomes if o.state == "diverged")


def test_a_damaged_checkpoint_is_noticed_and_the_older_one_used(faulty: Home, undisturbed: Table) -> None:
    process = start(faulty)
    fingerprint, _ = wait_until(lambda: training(faulty, at_least=16))[0]
    process.kill()
    process.communicate()
    folder = faulty.path / "trials" / fingerprint / "attempt-1"
    wait_until(lambda: len(list(folder.glob("checkpoint-*"))) >= 2)
    older, newest = settled(folder)
    damaged = bytearray(newest.read_bytes())
    damaged[-100] ^= 4  # a weight, of which only the checksum knows
    newest.write_bytes(damaged)
    output = run(faulty)
    assert f"passed over {newest} is damaged: its checksum is not that of what it holds; an older state is used" in output
    resumed = next(tried[1] for tried in attempts(faulty).values() if len(tried) > 1 and newest.name in str(tried[1].provenance))
    assert resumed.start_step == int(older.stem.split("-")[1])
    assert_nothing_lost_nothing_twice(faulty, undisturbed)


def settled(folder: Path) -> list[Path]:
    """The two newest checkpoints, once the orphaned worker is gone and no more come."""
    import time

    found: list[Path] = []
    while found != (found := sorted(folder.glob("checkpoint-*.safetensors"))):
        time.sleep(3)
    return found[-2:]


@pytest.fixture
def small_disk(faulty: Home) -> Iterator[Path]:
    """A file system of 12 MiB where the trials are kept."""
    folder = faulty.path / "trials"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(folder)], capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"no small disk: mounting a tmpfs needs root with CAP_SYS_ADMIN ({mounted.stderr.strip()})")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_pauses_the_sweep_and_keeps_the_older_checkpoint(faulty: Home, small_disk: Path, undisturbed: Table) -> None:
    process = start(faulty)
    fingerprint, _ = wait_until(lambda: training(faulty))[0]
    filler = small_disk / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(b"x" * 4096):
            pass
    output = finish(process, exit_code=4)
    assert "error: the sweep is paused: DiskFull: no space left to write" in output
    assert "free some space and run the same command" in output
    tried = {attempt.failure: attempt for tried in attempts(faulty).values() for attempt in tried}
    assert "nothing more is started until there is space" in str(tried["disk full"].policy)
    kept = list(small_disk.glob("*/attempt-1/checkpoint-*.safetensors"))
    assert kept
    assert not list(small_disk.glob("*/attempt-1/*.writing"))
    assert "free some space; then: sweeper run" in faulty.run("why", fingerprint)
    filler.unlink()
    run(faulty)
    assert_nothing_lost_nothing_twice(faulty, undisturbed)
