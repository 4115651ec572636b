"""Archives as `sweeper export` writes them, made over by hand; and all that a store and its home hold, to compare."""

import hashlib
import json
import sqlite3
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from sweeper.records import PlannedTrial
from sweeper.settings import Settings
from tests.state_files import write_state

Members = dict[str, bytes]
FACTS = '{"content_hash": "4ac1f3e70578fd29", "channels": 1, "resolution": 8, "classes": 10, "train": 9, "held_out": 2,' + (
    ' "class_names": [], "remarks": []}'
)
PNG = b"\x89PNG\r\n\x1a\n and so on"


def write_files(trials: tuple[PlannedTrial, ...], number: int = 1) -> None:
    """What attempts leave in their folders, beside checkpoints."""
    for trial in trials:
        folder = write_state(Settings().trials / trial.fingerprint / f"attempt-{number}", "average", 40).parent
        (folder / "data.json").write_text(FACTS)
        (folder / "log.txt").write_text("it trained\n")
        (folder / "samples-00000040.png").write_bytes(PNG)


def rows(home: Path) -> dict[str, list[Any]]:
    """Every row of every table but the outbox, which events leave by themselves."""
    if not (home / "sweeper.db").exists():
        return {}
    with closing(sqlite3.connect(f"file:{home / 'sweeper.db'}?mode=ro", uri=True)) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
        return {table: sorted(database.execute(f"SELECT * FROM {table}").fetchall(), key=repr) for table in tables if table != "outbox"}


def files(home: Path) -> dict[str, bytes]:
    """Every file below the trials."""
    return {path.relative_to(home).as_posix(): path.read_bytes() for path in sorted((home / "trials").rglob("*")) if path.is_file()}


def members_of(path: Path) -> Members:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def made_over(source: Path, target: Path, change: Callable[[Members], None], attributes: Callable[[zipfile.ZipInfo], None]) -> None:
    """The archive with members changed and their checksums made anew, as whoever means harm would."""
    members = members_of(source)
    members.pop("checksums.jsonl")
    change(members)
    if "checksums.jsonl" not in members:
        members["checksums.jsonl"] = checksums(members)
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.external_attr = 0o100644 << 16
            info.compress_type = zipfile.ZIP_STORED if name.endswith(("png", "safetensors")) else zipfile.ZIP_DEFLATED
            attributes(info)
            archive.writestr(info, content)


def checksums(members: Members) -> bytes:
    lines = [{"name": n, "bytes": len(c), "sha256": hashlib.sha256(c).hexdigest()} for n, c in members.items()]
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


def trial_lines(members: Members) -> Iterator[dict[str, Any]]:
    for line in members["trials.jsonl"].splitlines():
        yield json.loads(line)


def edited(name: str, edit: Callable[[Any], None], line: int = 0) -> Callable[[Members], None]:
    """Changes what a line of a member says."""

    def change(members: Members) -> None:
        texts = members[name].decode().splitlines()
        found = json.loads(texts[line])
        edit(found)
        texts[line] = json.dumps(found)
        members[name] = ("\n".join(texts) + "\n").encode()

    return change
