"""`sweeper list`, `prune` and `delete`: what is shown first is what goes, and nothing that anybody needs."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from stored_sweep import store_sweep

from sweeper.records import PlannedTrial
from sweeper.settings import Settings
from sweeper.store.results_store import ResultsStore
from tests.state_files import write_state

Sweeper = Callable[..., Any]
KIB = 1024


def store() -> ResultsStore:
    return ResultsStore.open(Settings().store_url)


def record(name: str, trials: list[PlannedTrial], version: str = "v", **spec: Any) -> None:
    with store() as opened:
        opened.record_sweep(name=name, profile="default", version=version, spec=spec, trials=trials)
        opened.delivered(row.id for row in opened.pending(1000))


def files(home: Path) -> set[str]:
    return {path.relative_to(home / "trials").as_posix() for path in (home / "trials").rglob("*") if path.is_file()}


@pytest.fixture
def trials(home: Path) -> list[PlannedTrial]:
    """Eight finished trials of 40 steps, of which the first has two checkpoints of 100 KiB too many."""
    planned = list(store_sweep().trials)
    first = home / "trials" / planned[0].fingerprint / "attempt-1"
    for step in (20, 30):
        write_state(first, "checkpoint", step, 100 * KIB)
    for trial in planned:
        write_state(home / "trials" / trial.fingerprint / "attempt-1", "average", 40)
    return planned


def test_prune_shows_first_and_removes_what_it_showed(sweeper: Sweeper, home: Path, trials: list[PlannedTrial]) -> None:
    first = trials[0].fingerprint
    before = files(home)
    shown = sweeper("prune")
    assert (shown.code, shown.err) == (0, "")
    assert shown.out.splitlines() == [
        "200 KiB in 2 files of 1 trial: checkpoints that newer ones replace, or that finished trials do not keep",
        f"  trial {first[:8]}  200 KiB",
        "200 KiB in all; nothing was removed: the same command with --yes does it",
    ]
    assert files(home) == before
    done = sweeper("prune", "--yes")
    assert (done.code, done.out.splitlines()[-1]) == (0, "200 KiB removed")
    assert before - files(home) == {f"{first}/attempt-1/checkpoint-000000{step}.safetensors" for step in (20, 30)}
    assert sweeper("prune").out == "there is nothing to remove\n"


def test_prune_keep_average_of_a_sweep_leaves_what_another_sweep_says(sweeper: Sweeper, home: Path, trials: list[PlannedTrial]) -> None:
    record("other", trials[:2])
    before = files(home)
    said = sweeper("prune", "noise_aug_vs_interaction", "--keep", "average", "--yes")
    assert said.code == 0
    gone = {name.split("/")[0] for name in before - files(home) if name.endswith("checkpoint-00000040.safetensors")}
    assert gone == {trial.fingerprint for trial in trials[2:]}
    assert sweeper("prune", "--keep", "average", "--yes").code == 0
    assert {Path(name).name for name in files(home)} == {"average-00000040.safetensors"}
    assert sweeper("plan", "sweep.yaml", "--profile", "smoke", "--set", "base.steps=40").out.count("reuse") == 9, "results are results"


def test_prune_leaves_what_runs_alone(sweeper: Sweeper, home: Path, trials: list[PlannedTrial]) -> None:
    first = trials[0].fingerprint
    with store() as opened:
        assert opened.acquire_lease(first, owner="elsewhere:1:1", lease_seconds=60, is_dead=lambda _: False) is not None
    before = files(home)
    for words in (("prune",), ("prune", "--yes"), ("prune", "--keep", "average")):
        said = sweeper(*words)
        assert f"left alone, since an attempt runs: 1 trial: {first[:8]}" in said.out
    assert files(home) == before


def test_prune_names_what_it_does_not_know_and_deletes_trials_of_nobody_only_when_asked(
    sweeper: Sweeper, home: Path, trials: list[PlannedTrial]
) -> None:
    first, second = trials[0].fingerprint, trials[1].fingerprint
    write_state(home / "trials" / "0123456789abcdef" / "attempt-1", "checkpoint", 5)
    record("noise_aug_vs_interaction", [], "other")
    with store() as opened:  # the same version, planned anew without its first two: its data changed
        snapshot = opened.snapshot("noise_aug_vs_interaction", "smoke")
        opened.record_sweep(name=snapshot.name, profile="smoke", version=snapshot.version, spec=snapshot.spec, trials=trials[2:])
    shown = sweeper("prune", "--keep", "resumable").out
    assert "files of 2 trials: whole trials that no sweep names, with their results; --unnamed deletes them" in shown
    assert "left alone: 1 folder under" in shown
    assert "this store does not know, such as 0123456789abcdef" in shown
    said = sweeper("prune", "--unnamed", "--yes")
    assert (said.code, said.err) == (0, "")
    left = {name.split("/")[0] for name in files(home)}
    assert left == {"0123456789abcdef", *(trial.fingerprint for trial in trials[2:])}
    with store() as opened:
        assert opened.known([first, second]) == {}
    assert "no trial begins with" in sweeper("show", first).err


def test_leftovers_of_a_killed_worker_go(sweeper: Sweeper, home: Path, trials: list[PlannedTrial]) -> None:
    folder = home / "trials" / trials[3].fingerprint / "attempt-1"
    (folder / "checkpoint-00000030.writing").write_bytes(bytes(5 * KIB))
    (folder / "removed-checkpoint-00000010.safetensors-0123abcd").write_bytes(bytes(2 * KIB))
    assert "7 KiB in 2 files of 1 trial: leftovers of interrupted writes and removals" in sweeper("prune").out
    assert sweeper("prune", "--yes").code == 0
    assert sorted(path.name for path in folder.iterdir()) == ["average-00000040.safetensors", "checkpoint-00000040.safetensors"]


def test_what_cannot_be_removed_is_said_and_the_rest_goes(
    sweeper: Sweeper, home: Path, trials: list[PlannedTrial], monkeypatch: pytest.MonkeyPatch
) -> None:
    unlink = Path.unlink

    def refuse(path: Path, missing_ok: bool = False) -> None:
        if "00000020" in path.name:
            raise PermissionError(13, "Permission denied", str(path))
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", refuse)
    said = sweeper("prune", "--yes")
    assert said.code == 1
    assert said.err.startswith("error: 1 could not be removed: ")
    assert "(Permission denied); fix that, and run the same command again" in said.err
    monkeypatch.undo()
    monkeypatch.setenv("SWEEPER_HOME", str(home))
    assert "100 KiB in 1 file of 1 trial: leftovers" in sweeper("prune").out


def test_delete_shows_first_and_takes_a_sweep_away_but_not_what_another_names(
    sweeper: Sweeper, home: Path, trials: list[PlannedTrial]
) -> None:
    record("other", trials[:2])
    shown = sweeper("delete", "noise_aug_vs_interaction", "--profile", "smoke")
    assert (shown.code, shown.err) == (0, "")
    lines = shown.out.splitlines()
    assert lines[0] == "sweep noise_aug_vs_interaction (profile smoke): 1 version, 8 trials"
    assert lines[1].startswith("  6 trials that no other sweep names, with results and files (")
    assert lines[2:] == [
        "  2 trials that stay, since other names them",
        "  its runs in MLflow, which keeps deleted runs until `mlflow gc`",
        "nothing was deleted; `sweeper delete noise_aug_vs_interaction --profile smoke --yes` does it",
    ]
    assert len({name.split("/")[0] for name in files(home)}) == 8
    done = sweeper("delete", "noise_aug_vs_interaction", "--yes")
    assert (done.code, done.err) == (0, "")
    deleted, waits = done.out.splitlines()[-2:]
    assert deleted.startswith("sweep noise_aug_vs_interaction (profile smoke) is deleted, with 6 folders (")
    assert waits == "1 event not in MLflow yet; the next run, or `sweeper mlflow sync`, sends it"
    assert {name.split("/")[0] for name in files(home)} == {trial.fingerprint for trial in trials[:2]}
    assert [sweep["name"] for sweep in json.loads(sweeper("list", "--json").out)["sweeps"]] == ["other"]
    with store() as opened:
        assert [row.kind for row in opened.pending(100)] == ["deleted"]
        assert {outcome.state for outcome in opened.snapshot("other").outcomes} == {"finished"}
    assert sweeper("delete", "noise_aug_vs_interaction").err == (
        "error: no sweep named 'noise_aug_vs_interaction' has run here; valid here: other\n"
    )


def test_delete_refuses_while_a_trial_runs_and_where_it_would_have_to_guess(
    sweeper: Sweeper, home: Path, trials: list[PlannedTrial]
) -> None:
    with store() as opened:
        assert opened.acquire_lease(trials[0].fingerprint, owner="elsewhere:1:1", lease_seconds=60, is_dead=lambda _: False) is not None
    before = files(home)
    said = sweeper("delete", "noise_aug_vs_interaction", "--yes")
    assert (said.code, said.err) == (
        2,
        f"error: 1 trial of it runs, such as {trials[0].fingerprint[:8]}; stop that run first (Ctrl-C there)\n",
    )
    record("noise_aug_vs_interaction", trials)
    said = sweeper("delete", "noise_aug_vs_interaction", "--yes")
    assert said.err == "error: sweep 'noise_aug_vs_interaction' ran with several profiles; say which with --profile: default, smoke\n"
    assert files(home) == before


def test_list_says_how_every_sweep_stands_and_what_it_takes(sweeper: Sweeper, home: Path, trials: list[PlannedTrial]) -> None:
    record("other", trials[:2], question="And the other?")
    said = sweeper("list")
    assert (said.code, said.err) == (0, "")
    lines = [line.split("  ") for line in said.out.splitlines()]
    rows = [[cell.strip() for cell in line if cell.strip()] for line in lines]
    assert rows[0] == ["sweep", "profile", "trials", "last run", "on disk", "alone"]
    assert rows[1][:3] == ["other", "default", "2 finished"]
    assert rows[1][5] == "0 B", "deleting it would free nothing"
    assert rows[2][:3] == ["noise_aug_vs_interaction", "smoke", "8 finished"]
    assert rows[2][3].endswith(" s ago")
    listed = json.loads(sweeper("list", "--json").out)
    jsonschema.validate(listed, json.loads(sweeper("schema", "--list").out))
    other, first = listed["sweeps"]
    assert (other["question"], other["counts"], other["alone_bytes"]) == ("And the other?", {"finished": 2}, 0)
    sizes = {trial.fingerprint: sum(f.stat().st_size for f in (home / "trials" / trial.fingerprint).rglob("*.*")) for trial in trials}
    assert first["disk_bytes"] == sum(sizes.values())
    assert other["disk_bytes"] == sum(sizes[trial.fingerprint] for trial in trials[:2]) == first["disk_bytes"] - first["alone_bytes"]
    assert timedelta(seconds=first["age_seconds"]) < timedelta(minutes=5)


def test_list_of_nothing_says_so(sweeper: Sweeper, home: Path, trials: list[PlannedTrial], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWEEPER_TRACKERS", "none")
    deleted = sweeper("delete", "noise_aug_vs_interaction", "--yes")
    assert deleted.code == 0
    assert "MLflow" not in deleted.out.splitlines()[-1], "no run will send it the deletion"
    assert sweeper("list").out == "no sweep is stored here\n"


def test_status_as_json_has_every_trial(sweeper: Sweeper, home: Path) -> None:
    store_sweep(endings={("dual/none", 1): "failed", ("dual/full", 1): "diverged", ("single/full", 1): None})
    said = sweeper("status", "--json")
    assert (said.code, said.err) == (0, "")
    status = json.loads(said.out)
    jsonschema.validate(status, json.loads(sweeper("schema", "--status").out))
    assert status["counts"] == {"finished": 5, "diverged": 1, "failed": 1, "pending": 1}
    by_name = {(trial["variant"], trial["seed"]): trial for trial in status["trials"]}
    assert by_name["dual/none", 1]["error"] == "RuntimeError: the images caught fire"
    assert by_name["single/none", 0]["metrics"]["held_out_loss"] == 0.5
    assert by_name["single/full", 1]["attempts"] == 0
    assert sweeper("status", "--json", "--watch").err == "error: --watch and --json do not go together; leave one out\n"
    assert sweeper("schema", "--status", "--list").code == 2


def test_the_version_names_what_it_runs_on(sweeper: Sweeper, home: Path) -> None:
    import importlib.metadata

    said = sweeper("--version")
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith(f"sweeper {importlib.metadata.version('sweeper')} (Python 3.")
    assert f"ray {importlib.metadata.version('ray')}" in said.out
    assert not home.exists()


def test_the_shell_completes_commands_and_the_names_of_sweeps(home: Path, trials: list[PlannedTrial]) -> None:
    import os
    import subprocess
    import sys

    def completed(*words: str) -> list[str]:
        asked = {"_SWEEPER_COMPLETE": "complete_bash", "COMP_WORDS": " ".join(["sweeper", *words]), "COMP_CWORD": str(len(words))}
        program = "import sys; sys.argv = ['sweeper']; from sweeper.cli.app import main; main()"
        done = subprocess.run([sys.executable, "-c", program], env={**os.environ, **asked}, capture_output=True, text=True, check=False)
        assert done.stderr == ""
        return done.stdout.split()

    assert completed("sta") == ["status"]
    assert completed("status", "noi") == ["noise_aug_vs_interaction"]
    (home / "sweeper.db").write_bytes(b"nothing like a database")
    assert completed("status", "noi") == []
