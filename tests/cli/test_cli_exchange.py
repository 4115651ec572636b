"""`sweeper export` and `import`: a sweep travels from one store to another, whole, and what is there already stays."""

import json
import os
import resource
import sqlite3
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from exchanged import PNG, files, members_of, rows, trial_lines, write_files
from stored_sweep import store_sweep

from sweeper.errors import StoreUnavailable
from sweeper.records import PlannedTrial
from sweeper.settings import Settings
from sweeper.store.results_store import ResultsStore

Sweeper = Callable[..., Any]
ENDINGS = {("dual/none", 1): "failed", ("dual/full", 1): None, ("single/full", 1): "diverged"}
NAME = "noise_aug_vs_interaction"
WORDS = "noise_aug_vs_interaction (profile smoke)"


@pytest.fixture
def there(home: Path) -> tuple[PlannedTrial, ...]:
    """Eight trials in the first home, of which one failed, one diverged and one never began."""
    trials = store_sweep(endings=ENDINGS).trials
    write_files(tuple(trial for trial in trials if ENDINGS.get((trial.variant, trial.seed), "finished")))
    return trials


@pytest.fixture
def move(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Goes on in another home."""

    def to(name: str) -> Path:
        monkeypatch.setenv("SWEEPER_HOME", str(tmp_path / name))
        return tmp_path / name

    return to


def store() -> ResultsStore:
    return ResultsStore.open(Settings().store_url)


def reports(sweeper: Sweeper) -> list[str]:
    said = [sweeper("report", *words) for words in (("--table",), ("--format", "csv"), ("--format", "json"))]
    assert {one.code for one in said} == {0}
    return [one.out for one in said]


def test_a_sweep_travels_whole(sweeper: Sweeper, home: Path, there: tuple[PlannedTrial, ...], move: Callable[[str], Path]) -> None:
    before = reports(sweeper)
    said = sweeper("export", NAME, "sweep.zip", "--weights")
    assert (said.code, said.err) == (0, "")
    size = Path("sweep.zip").stat().st_size / 1024
    assert said.out == f"sweep.zip: sweep {WORDS}, 1 version, 8 trials, 7 attempts, 26 files; {size:.0f} KiB\n"

    away = move("away")
    looked = sweeper("import", "sweep.zip", "--dry-run")
    assert (looked.code, looked.err) == (0, "")
    whole = [f"sweep.zip: sweep {WORDS}, whole and in order", "new: 1 version, 8 trials, 7 attempts, 26 files"]
    assert looked.out.splitlines() == [*whole, "nothing was changed; without --dry-run it is taken in"]
    assert not away.exists()

    said = sweeper("import", "sweep.zip")
    assert (said.code, said.err) == (0, "")
    told = "9 events not in MLflow yet; the next run, or `sweeper mlflow sync`, sends them"
    assert said.out.splitlines() == [*whole, told]
    assert reports(sweeper) == before
    assert "8 trials: " in sweeper("status").out
    assert NAME in sweeper("list").out
    assert sweeper("show", there[0].fingerprint).code == 0
    plan = sweeper("plan", "sweep.yaml", "--profile", "smoke", "--set", "base.steps=40").out
    assert "5 reuse" in plan
    finished = {trial.fingerprint for trial in there if (trial.variant, trial.seed) not in ENDINGS}
    sent = {
        name for name in files(home) if "checkpoint" not in name and (not name.endswith(".safetensors") or name.split("/")[1] in finished)
    }
    records = {name for name in files(away) if name.endswith("record.jsonl")}
    assert len(records) == 7, "each attempt's folder says what it is, so that a lost store can be made again"
    assert files(away).keys() == sent | records
    assert all(files(away)[name] == content for name, content in files(home).items() if name in sent)
    assert not list((away / "trials").glob(".*")), "nothing is left beside the trials"

    assert sweeper("export", NAME, "again.zip", "--weights").code == 0
    assert Path("again.zip").read_bytes() == Path("sweep.zip").read_bytes(), "nothing was lost, and nothing depends on the time"


def test_a_second_import_changes_nothing_and_weights_may_come_later(
    sweeper: Sweeper, there: tuple[PlannedTrial, ...], move: Callable[[str], Path]
) -> None:
    said = sweeper("export", NAME, "small.zip")
    assert "left out: weights; --weights adds the moving averages of finished trials, from which others can sample\n" in said.out
    sweeper("export", NAME, "results.zip", "--no-files")
    sweeper("export", NAME, "whole.zip", "--weights")
    assert [len(members_of(Path(name))) - 4 for name in ("results.zip", "small.zip", "whole.zip")] == [0, 21, 26]
    away = move("away")
    assert "new: 1 version, 8 trials, 7 attempts\n" in sweeper("import", "results.zip").out
    first = rows(away)
    said = sweeper("import", "results.zip")
    assert said.out.splitlines()[1:] == ["new: nothing", "here already: 7 attempts"]
    assert rows(away) == first
    assert "new: 21 files\n" in sweeper("import", "small.zip").out
    assert sweeper("import", "whole.zip").out.splitlines()[1:] == ["new: 5 files", "here already: 7 attempts"]
    assert rows(away) == first
    held = files(away)
    assert "new: nothing" in sweeper("import", "whole.zip").out
    assert files(away) == held


def test_a_lost_store_is_made_again_from_what_was_imported(
    sweeper: Sweeper, there: tuple[PlannedTrial, ...], move: Callable[[str], Path]
) -> None:
    sweeper("export", NAME, "sweep.zip")
    away = move("away")
    sweeper("import", "sweep.zip")
    before = reports(sweeper)
    for path in away.glob("sweeper.db*"):
        path.unlink()
    assert sweeper("db", "rebuild").code == 0
    assert reports(sweeper) == before


def test_an_older_file_stays_unless_told_otherwise(sweeper: Sweeper, there: tuple[PlannedTrial, ...]) -> None:
    path = Path("sweep.zip")
    path.write_text("mine")
    said = sweeper("export", NAME, "sweep.zip")
    assert (said.code, said.out) == (2, "")
    assert said.err == "error: sweep.zip is there already; give another file, or replace it with --force\n"
    assert path.read_text() == "mine"
    assert sweeper("export", NAME, "sweep.zip", "--force").code == 0
    assert zipfile.is_zipfile(path)
    os.mkfifo("pipe")
    for name, why in (("pipe", "it is a pipe"), (".", "it is a folder"), ("no/where.zip", "No such file or directory")):
        said = sweeper("export", NAME, name, "--force")
        assert said.err == f"error: {name} cannot be written ({why}); give another file\n"
    assert "no sweep named 'other' has run here" in sweeper("export", "other", "other.zip").err
    assert sorted(os.listdir()) == ["pipe", "sweep.yaml", "sweep.zip"]


@contextmanager
def short_files(size: int) -> Iterator[None]:
    """No file of this process gets longer."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_file_that_finds_no_room_is_not_there(sweeper: Sweeper, there: tuple[PlannedTrial, ...]) -> None:
    with short_files(4096):
        said = sweeper("export", NAME, "sweep.zip")
    assert said.code != 0
    assert said.out == ""
    assert "File too large" in said.err
    assert os.listdir() == ["sweep.yaml"]


def test_an_import_that_finds_no_room_changes_nothing(
    sweeper: Sweeper, there: tuple[PlannedTrial, ...], move: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    log = Settings().trials / there[0].fingerprint / "attempt-1" / "log.txt"
    log.write_bytes(os.urandom(50_000))
    sweeper("export", NAME, "sweep.zip")
    away = move("away")
    with short_files(20_000):
        said = sweeper("import", "sweep.zip")
    assert said.code != 0
    assert "File too large" in said.err
    assert not away.exists()
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 1000})())
    said = sweeper("import", "sweep.zip")
    assert (said.code, said.out) == (4, "")
    assert "has 1000 B free, and the files in sweep.zip take 50 KiB; free some space" in said.err
    assert not away.exists()


def test_files_go_back_where_the_store_fails_at_the_last_moment(
    sweeper: Sweeper, there: tuple[PlannedTrial, ...], move: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    sweeper("export", NAME, "sweep.zip", "--weights")
    away = move("away")
    store_sweep(endings=dict.fromkeys([(trial.variant, trial.seed) for trial in there]))
    before = rows(away)

    def fail(*_: Any) -> None:
        assert len([name for name in files(away) if "/attempt-" in name]) == 26, "they were moved by then"
        raise StoreUnavailable("the server went away")

    with monkeypatch.context() as patch:
        patch.setattr("sweeper.store.importing.queue_links", fail)
        said = sweeper("import", "sweep.zip")
    assert (said.code, said.out) == (4, "")
    assert (rows(away), files(away)) == (before, {})
    assert not (away / "trials").exists()
    assert "new: 7 attempts, 26 files" in sweeper("import", "sweep.zip").out


def attempt_here(trial: PlannedTrial, ending: str = "failed", loss: float | None = None) -> None:
    """An attempt of this home's own."""
    with store() as opened:
        claim = opened.acquire_lease(trial.fingerprint, owner="here:1:1", lease_seconds=60, is_dead=lambda _: False)
        assert claim is not None
        opened.started(claim, start_step=0, comparability={"device": "another"}, provenance={})
        if loss is not None:
            opened.evaluated(claim, trial.steps, trial.evaluation_fingerprint, {"held_out_loss": loss}, {}, 3_000)
        if ending != "running":
            opened.end(claim, ending, "it broke" if ending == "failed" else None)  # type: ignore[arg-type]


def test_attempts_get_numbers_after_those_that_are_here(
    sweeper: Sweeper, there: tuple[PlannedTrial, ...], move: Callable[[str], Path]
) -> None:
    sweeper("export", NAME, "sweep.zip")
    away = move("away")
    store_sweep(endings=dict.fromkeys([(trial.variant, trial.seed) for trial in there]))
    first, second, third, fourth = there[:4]
    attempt_here(first)
    (away / "trials" / second.fingerprint / "attempt-3").mkdir(parents=True)  # of an attempt that only another store knows
    attempt_here(third, "finished", loss=9.0)
    attempt_here(fourth, "running")
    said = sweeper("import", "sweep.zip")
    assert (said.code, said.err) == (0, "")
    assert said.out.splitlines()[1:-1] == [
        "new: 5 attempts, 15 files",
        "here already: 1 attempt",
        f"left out, since an attempt runs here (import the file again when it has ended): 1 trial, {fourth.fingerprint[:8]}",
        "other numbers there than here (another machine, or other versions of libraries), and those here stay: 1 trial,"
        f" {third.fingerprint[:8]}",
    ]
    with store() as opened:
        numbers = [[(a.number, a.state) for a in opened.history(trial.fingerprint).attempts] for trial in (first, second, third)]
        losses = {outcome.fingerprint: outcome.metrics.get("held_out_loss") for outcome in opened.snapshot().outcomes}
    assert numbers == [[(1, "failed"), (2, "finished")], [(4, "finished")], [(1, "finished")]]
    assert losses[third.fingerprint] == 9.0
    folder = away / "trials" / first.fingerprint
    assert sorted(path.name for path in folder.iterdir()) == ["attempt-2"]
    assert (folder / "attempt-2" / "samples-00000040.png").read_bytes() == PNG
    assert '"number":2' in (folder / "attempt-2" / "record.jsonl").read_text()


def test_an_attempt_that_runs_there_is_left_out_and_comes_with_the_next_file(
    sweeper: Sweeper, home: Path, there: tuple[PlannedTrial, ...], move: Callable[[str], Path]
) -> None:
    pending = next(trial for trial in there if ENDINGS.get((trial.variant, trial.seed), "") is None)
    with store() as opened:
        claim = opened.acquire_lease(pending.fingerprint, owner="host:2:2", lease_seconds=60, is_dead=lambda _: False)
    assert claim is not None
    said = sweeper("export", NAME, "early.zip")
    assert "left out: 1 attempt that has not ended; export again afterwards, and import that file, too\n" in said.out
    with store() as opened:
        opened.end(claim, "failed", "it broke")
    sweeper("export", NAME, "late.zip")
    move("away")
    assert "7 attempts" in sweeper("import", "early.zip").out
    assert sweeper("import", "late.zip").out.splitlines()[1:3] == ["new: 1 attempt", "here already: 7 attempts"]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("UPDATE evaluation SET value = value + 1 WHERE metric = 'class_accuracy'", "another class_accuracy at step 40 for it"),
        ("UPDATE curve_point SET value = 7", "another train_loss at step 10 of its curve for it"),
        ("UPDATE attempt SET state = 'lost' WHERE state = 'finished'", "another end for it"),
        ("UPDATE trial SET config = json_set(config, '$.batch_size', 5)", "another config in sweep.zip than here, under one name"),
    ],
)
def test_what_contradicts_the_store_is_refused_and_named(
    sweeper: Sweeper, there: tuple[PlannedTrial, ...], move: Callable[[str], Path], change: str, why: str
) -> None:
    sweeper("export", NAME, "sweep.zip")
    away = move("away")
    sweeper("import", "sweep.zip")
    with closing(sqlite3.connect(away / "sweeper.db")) as database:
        database.execute(change)
        database.commit()
    before = rows(away), files(away)
    said = sweeper("import", "sweep.zip")
    assert (said.code, said.out) == (2, "")
    assert why in said.err
    assert "one of the two stores is wrong; nothing was changed" in said.err
    assert any(trial.fingerprint in said.err for trial in there)
    assert (rows(away), files(away)) == before


def test_a_longer_run_of_the_same_trials_is_no_contradiction(
    sweeper: Sweeper, there: tuple[PlannedTrial, ...], move: Callable[[str], Path]
) -> None:
    sweeper("export", NAME, "sweep.zip")
    move("away")
    store_sweep(steps=80, endings=dict.fromkeys([(trial.variant, trial.seed) for trial in there]))
    said = sweeper("import", "sweep.zip")
    assert (said.code, said.out.splitlines()[1]) == (0, "new: 1 version, 7 attempts, 21 files")


def test_names_that_cannot_be_made_again_are_said(
    sweeper: Sweeper, home: Path, there: tuple[PlannedTrial, ...], move: Callable[[str], Path]
) -> None:
    name = there[0].fingerprint
    with closing(sqlite3.connect(home / "sweeper.db")) as database:
        database.execute(
            "UPDATE trial SET config = json_set(config, '$.partition.assignment', 'os.path.join') WHERE fingerprint = ?", [name]
        )
        database.commit()
    said = sweeper("export", NAME, "sweep.zip")
    assert "1 trial: nothing here says what the name was made of, so that no other store can check it\n" in said.out
    assert [line["trial"]["fingerprint"] for line in trial_lines(members_of(Path("sweep.zip"))) if line["named"] is None] == [name]
    move("away")
    said = sweeper("import", "sweep.zip")
    assert f"not checked, since this sweeper cannot make the name again from the config: 1 trial, {name[:8]}\n" in said.out


def test_the_format_is_stated_and_the_rest_is_lines_of_json(sweeper: Sweeper, there: tuple[PlannedTrial, ...]) -> None:
    sweeper("export", NAME, "sweep.zip")
    members = members_of(Path("sweep.zip"))
    assert json.loads(members["sweep.json"]) == {"format": 1, "sweeper": "0.1.0", "name": NAME, "profile": "smoke"}
    assert list(members)[:3] == ["sweep.json", "versions.jsonl", "trials.jsonl"]
    assert list(members)[-1] == "checksums.jsonl"
    assert list(members)[3:-1] == sorted(list(members)[3:-1])
    names = [line["trial"]["fingerprint"] for line in trial_lines(members)]
    assert names == sorted(trial.fingerprint for trial in there)
