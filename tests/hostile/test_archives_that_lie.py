"""Archives that somebody damaged, or made to do harm: each is refused with one message, and nothing of the store or the home changes."""

import json
import os
import pickle
import shutil
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sweeper.cli.app import run_command
from sweeper.errors import RequestError
from sweeper.plan.machine import Machine
from sweeper.service.archive_reader import opened_archive
from sweeper.service.import_checks import check
from sweeper.service.sweep_archive import ArchivedFile
from tests.cli.exchanged import Members, edited, files, made_over, members_of, rows, write_files
from tests.cli.stored_sweep import store_sweep

NAME = "noise_aug_vs_interaction"
Change = Callable[[Members], None]


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good one."""
    folder = tmp_path_factory.mktemp("archive")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Machine, "here", classmethod(lambda cls: cls(2, (), cluster=False)))
        patch.setenv("SWEEPER_HOME", str(folder / "home"))
        patch.chdir(folder)
        shutil.copy(Path(__file__).parents[2] / "sweeps" / f"{NAME}.yaml", "sweep.yaml")
        write_files(store_sweep().trials)
        assert run_command(["export", NAME, "good.zip", "--weights"]) == 0
    return folder / "good.zip"


class Trap:
    """Unpickled, it leaves a file behind."""

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("trapped"),)


def first_file(members: Members, kind: str) -> str:
    return next(name for name in members if name.startswith("attempts/") and kind in name)


def put(name: str, content: bytes = b"x") -> Change:
    return lambda members: members.update({name: content})


def replaced(kind: str, content: bytes) -> Change:
    return lambda members: members.update({first_file(members, kind): content})


def in_trial(edit: Callable[[Any], None]) -> Change:
    return edited("trials.jsonl", lambda line: edit(line["trial"]))


def in_attempt(**values: Any) -> Change:
    return in_trial(lambda trial: trial["attempts"][0]["attempt"].update(values))


def with_text(name: str, old: str, new: str) -> Change:
    def change(members: Members) -> None:
        text = members[name].decode()
        assert old in text
        members[name] = text.replace(old, new, 1).encode()

    return change


def deep(trial: Any) -> None:
    trial["attempts"][0]["attempt"]["provenance"] = json.loads("[" * 200 + "]" * 200) and {"x": json.loads("[" * 200 + "]" * 200)}


def other_weights(members: Members) -> None:
    """Well made, but its own checksum is another's."""
    header = json.dumps({"__metadata__": {"sha256": "0" * 64}, "x": {"dtype": "U8", "shape": [2], "data_offsets": [0, 2]}}).encode()
    replaced("average", len(header).to_bytes(8, "little") + header + b"\0\0")(members)


def of_another_attempt(members: Members) -> None:
    first = first_file(members, "").split("/")[1]
    renamed = {name.replace(f"{first}/1/", f"{first}/2/"): content for name, content in members.items()}
    members.clear()
    members.update(renamed)


def no_change(members: Members) -> None:
    pass


def without(name: str) -> Change:
    return lambda members: members.pop(name) and None


CHANGED: dict[str, tuple[Change, str]] = {
    "a newer format": (edited("sweep.json", lambda head: head.update(format=4, new="x")), "it was made by a newer sweeper; upgrade"),
    "no format": (put("sweep.json", b"[]"), "sweep.json does not state its format"),
    "a path to the folder above": (put("attempts/../../../evil"), "a member is called 'attempts/../../../evil', which is no file of an"),
    "an absolute path": (put("/etc/passwd"), "a member is called '/etc/passwd', which is no file of an attempt"),
    "a path of Windows": (put("C:\\evil"), "which is no file of an attempt"),
    "a very long name": (put("attempts/" + "x" * 60_000), "which is no file of an attempt"),
    "a name in other letters": (put("attempts/0123456789abcdef/１/log.txt"), "a member is called"),
    "a number of another form": (put("attempts/0123456789abcdef/01/log.txt"), "which is no file of an attempt"),
    "a pickle": (put("attempts/0123456789abcdef/1/model.pt", pickle.dumps(Trap())), "which is no file of an attempt"),
    "a checkpoint": (put("attempts/0123456789abcdef/1/checkpoint-00000040.safetensors"), "which is no file of an attempt"),
    "a record": (put("attempts/0123456789abcdef/1/record.jsonl"), "which is no file of an attempt"),
    "files of no trial": (put("attempts/zzzzzzzzzzzzzzzz/1/log.txt"), "it holds files of trial zzzzzzzzzzzzzzzz, which is not there"),
    "files in no order": (lambda m: m.update({first_file(m, "log"): m.pop(first_file(m, "log"))}), "its files are not in their order"),
    "files of no attempt": (of_another_attempt, "is of an attempt that is not there, or had not ended"),
    "files of an attempt that runs": (in_attempt(state="running"), "is of an attempt that is not there, or had not ended"),
    "a checksum that is missing": (put("checksums.jsonl", b""), "checksums.jsonl does not name sweep.json with its"),
    "no trials": (without("trials.jsonl"), "it does not begin with sweep.json, versions.jsonl and trials.jsonl"),
    "no versions": (put("versions.jsonl", b""), "it holds no version of the sweep"),
    "a pickle for weights": (replaced("average", pickle.dumps(Trap())), "holds no weights: it is no safetensors file, or is torn"),
    "weights with another checksum": (other_weights, "its checksum is not that of what it holds"),
    "a script for a picture": (replaced("png", b"<script>alert(1)</script>"), "is no picture"),
    "facts that are none": (replaced("data.json", b"{}"), "does not say what the data were"),
    "a log without end": (replaced("log", bytes(2**26 + 1)), "bytes, more than the 67,108,864 that are read"),
    "a bomb": (replaced("log", bytes(2**25)), "would unpack from"),
    "a bomb of lines": (put("trials.jsonl", b" " * 2**25), "would unpack from"),
    "a config of another trial": (in_trial(lambda t: t["config"].update(batch_size=7)), "is not the name of the trial whose config"),
    "a config of another seed": (in_trial(lambda t: t["config"].update(seed=7)), "has another seed in its config than in the sweep"),
    "no config": (in_trial(lambda t: t.update(config={})), "has another seed in its config than in the sweep"),
    "a name that is a path": (
        in_trial(lambda t: t.update(fingerprint="../../evil")),
        "is damaged (trial.fingerprint",
    ),
    "a word for a number": (in_attempt(step="many"), "is damaged (trial.attempts.0.attempt.step: Input should be a valid integer"),
    "a step past all counting": (in_attempt(step=2**31), "Input should be less than or equal to 2147483647"),
    "a number without end": (
        with_text("trials.jsonl", '"batch_size":', f'"x":{"9" * 4_000},"batch_size":'),
        "of trials.jsonl is damaged",
    ),
    "not a number": (with_text("trials.jsonl", '"class_accuracy":0.9', '"class_accuracy":NaN'), "is damaged (trial.attempts.0"),
    "infinity": (with_text("trials.jsonl", '"class_accuracy":0.9', '"class_accuracy":1e999'), "Input should be a finite number"),
    "a condition that is a list": (in_attempt(comparability={"device": [1]}), "its device is no word and no number"),
    "a state that is none": (in_attempt(state="won"), "trial.attempts.0.attempt.state"),
    "a character that no database takes": (in_attempt(owner="a\0b"), "holds a character that a database refuses"),
    "an end of time": (in_attempt(started="9999-12-31T23:59:59Z"), "yet to come or long gone"),
    "a version of the future": (edited("versions.jsonl", lambda v: v.update(last_run="9999-12-31T23:59:59Z")), "yet to come or long gone"),
    "a field that nobody knows": (in_trial(lambda t: t.update(run="rm")), "trial.run: Extra inputs are not permitted"),
    "lists within lists": (in_trial(deep), "is damaged"),
    "a spec that is none": (edited("versions.jsonl", lambda v: v.update(spec={"contrasts": [1]})), "means nothing to this sweeper"),
    "levels that are no words": (edited("versions.jsonl", lambda v: v["trials"][0].update(levels={"a": [1]})), "trials.0.levels.a"),
    "a version of another sweep": (edited("versions.jsonl", lambda v: v.update(name="other")), "or of another sweep"),
    "a trial that is missing": (
        edited("versions.jsonl", lambda v: v["trials"][0].update(fingerprint="0" * 16)),
        "no version of the",
    ),
    "a trial twice": (lambda m: m.update({"trials.jsonl": m["trials.jsonl"].splitlines(True)[0] * 2}), "is not in its place"),
    "a trial too few": (
        lambda m: m.update({"trials.jsonl": b"".join(m["trials.jsonl"].splitlines(True)[:-1])}),
        "and is not there",
    ),
    "no JSON": (put("trials.jsonl", b"\xff\xfe{"), "line 1 of trials.jsonl is damaged"),
}

MODES = {"a link": stat.S_IFLNK, "a device": stat.S_IFCHR, "a block device": stat.S_IFBLK, "a pipe": stat.S_IFIFO, "a folder": stat.S_IFDIR}


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1000])


def lengthened(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"more")


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 4
    path.write_bytes(content)


def in_directory(offset: int, value: bytes, name: str = "trials.jsonl") -> Callable[[Path], None]:
    """Changes what the list of members says of one."""

    def change(path: Path) -> None:
        content = bytearray(path.read_bytes())
        entry = content.rindex(name.encode()) - 46
        assert content[entry : entry + 4] == b"PK\1\2"
        content[entry + offset : entry + offset + len(value)] = value
        path.write_bytes(content)

    return change


def twice(path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(path, "a") as target:
        target.writestr("trials.jsonl", "x")


def fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def endless(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


def directory_without_end(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-22] + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 9, 9, 2**31, 0, 0))


DAMAGED: dict[str, tuple[Callable[[Path], Any], str]] = {
    "empty": (lambda path: path.write_bytes(b""), "is no archive of `sweeper export`, or is cut off"),
    "text": (lambda path: path.write_text("hello " * 100), "is no archive of `sweeper export`, or is cut off"),
    "a pickle": (lambda path: path.write_bytes(pickle.dumps(Trap())), "is no archive of `sweeper export`, or is cut off"),
    "cut off": (cut, "is no archive of `sweeper export`, or is cut off"),
    "lengthened": (lengthened, "is no archive of `sweeper export`, or is cut off"),
    "a bit flipped": (flipped, "is damaged"),
    "missing": (lambda path: path.unlink(), "cannot be read (No such file or directory)"),
    "a folder": (lambda path: (path.unlink(), path.mkdir()), "cannot be read (it is a folder)"),
    "a pipe": (fifo, "cannot be read (it is a pipe)"),
    "a device without end": (endless, "cannot be read (it is a device)"),
    "two members of one name": (twice, "there are two members trials.jsonl"),
    "encrypted": (in_directory(8, b"\1\0"), "is encrypted, or packed in a way that is not read here"),
    "packed otherwise": (in_directory(10, b"\x0e\0"), "is encrypted, or packed in a way that is not read here"),
    "a size that is too small": (in_directory(24, b"\x09\0\0\0"), "checksums.jsonl does not name trials.jsonl with its 9 bytes"),
    "a size that is too large": (in_directory(24, b"\xff\xff\0\0"), "checksums.jsonl does not name trials.jsonl with its 65,535 bytes"),
    "one member within another": (in_directory(42, b"\0\0\0\0"), "trials.jsonl lies within another member"),
    "a name with an end in it": (in_directory(46 + 6, b"\0"), "a member is called 'trials\\x00jsonl'"),
    "a list of members without end": (directory_without_end, "states a list of members of 2,147,483,648 bytes"),
}


@pytest.fixture
def ensure_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., None]:
    """Into a home that is not there, and into one with results of its own, for which it is what it was."""
    monkeypatch.setattr(Machine, "here", classmethod(lambda cls: cls(2, (), cluster=False)))
    monkeypatch.chdir(tmp_path)
    shutil.copy(Path(__file__).parents[2] / "sweeps" / f"{NAME}.yaml", "sweep.yaml")

    def ensure(path: Path, why: str) -> None:
        for name in ("new", "used"):
            home = tmp_path / name
            monkeypatch.setenv("SWEEPER_HOME", str(home))
            if name == "used":
                store_sweep(endings={("dual/none", 1): None, ("dual/full", 0): "failed"})
            before, around = (rows(home), files(home)), sorted(os.listdir())
            capsys.readouterr()
            code = run_command(["import", str(path)])
            said = capsys.readouterr()
            assert (code, said.out) == (2, ""), said
            assert said.err.startswith("error: ")
            assert said.err.count("\n") == 1
            assert why in said.err
            assert str(path) in said.err
            assert home.exists() is (name == "used")
            assert (rows(home), files(home)) == before
            assert sorted(os.listdir()) == around, "nothing was written elsewhere, and nothing was unpickled"

    return ensure


@pytest.mark.parametrize("what", CHANGED)
def test_what_an_archive_may_not_say(archive: Path, tmp_path: Path, ensure_refused: Callable[..., None], what: str) -> None:
    change, why = CHANGED[what]
    path = tmp_path / "bad.zip"
    made_over(archive, path, change, lambda info: None)
    ensure_refused(path, why)


@pytest.mark.parametrize("what", MODES)
def test_a_member_that_is_no_plain_file(archive: Path, tmp_path: Path, ensure_refused: Callable[..., None], what: str) -> None:
    def attributes(info: zipfile.ZipInfo) -> None:
        if info.filename.endswith("log.txt"):
            info.external_attr = (MODES[what] | 0o644) << 16

    path = tmp_path / "bad.zip"
    made_over(archive, path, no_change, attributes)
    ensure_refused(path, "log.txt is a link, a folder or a device")


@pytest.mark.parametrize("what", DAMAGED)
def test_a_file_that_is_damaged_or_none(archive: Path, tmp_path: Path, ensure_refused: Callable[..., None], what: str) -> None:
    damage, why = DAMAGED[what]
    path = tmp_path / "bad.zip"
    shutil.copy(archive, path)
    damage(path)
    ensure_refused(path, why)


def test_the_archive_that_is_made_over_without_a_change_is_taken(archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the refusals above would be of something else."""
    made_over(archive, tmp_path / "good.zip", no_change, lambda info: None)
    monkeypatch.setenv("SWEEPER_HOME", str(tmp_path / "home"))
    assert run_command(["import", str(tmp_path / "good.zip")]) == 0
    one, other = members_of(tmp_path / "good.zip"), members_of(archive)
    assert {name for name in one if one[name] != other[name]} == {"checksums.jsonl"}, "whose JSON has other spaces"


def test_whichever_byte_is_damaged_it_is_refused_or_says_the_same(archive: Path, tmp_path: Path) -> None:
    whole = archive.read_bytes()
    refused = 0
    positions = [*range(0, len(whole), max(len(whole) // 300, 1)), *range(len(whole) - 22, len(whole))]
    for position in positions:
        path, folder = tmp_path / "bad.zip", tmp_path / str(position)
        content = bytearray(whole)
        content[position] ^= 1 << position % 8
        path.write_bytes(content)

        def keep(file: ArchivedFile, folder: Path = folder) -> Path:
            return folder / file.member

        try:
            with opened_archive(path) as reader:
                found = check(reader, None, keep)
            held = {(name.as_posix()): name.read_bytes() for name in folder.rglob("*.*") if name.is_file()}
            wanted = {str(folder / name): content for name, content in members_of(archive).items() if name.startswith("attempts/")}
            assert held == wanted
            assert len(found.configs) == 8
        except RequestError:
            refused += 1
        shutil.rmtree(folder, ignore_errors=True)
    assert refused > len(positions) * 0.8
