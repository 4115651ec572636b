"""Artifacts follow SWEEPER_HOME: MLflow keeps absolute places, which after a move or a copy of the home lead to where it was.

MLflow has no call that changes the place of an experiment, so this is done in its database: only in one that lies in the home itself, only
for places that this package gave, and only where the files are.
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlsplit

from sweeper.tracking.failures import TrackingAway

WAIT_SECONDS = 30.0
"""Longest wait for another writer of the database."""
SQLITE = "sqlite:///"


def place_of(artifact_root: Path) -> Path:
    """The folder with a folder for each experiment."""
    return artifact_root.absolute() / "mlflow"


def follow_home(tracking_uri: str, artifact_root: Path) -> int:
    """Give experiments and runs that were moved or copied with their home the places in this one; how many experiments that were.

    Args:
        tracking_uri: Of MLflow; a server, or a database outside the home, is left alone: others may have their artifacts there.
        artifact_root: Two folders below the home: `artifacts/mlflow`.

    Raises:
        TrackingAway: The database cannot be read or written.
    """
    database, home = Path(tracking_uri.removeprefix(SQLITE)), artifact_root.absolute().parent.parent
    if not tracking_uri.startswith(SQLITE) or database.absolute().parent != home or not database.is_file():
        return 0
    try:
        with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True, timeout=WAIT_SECONDS)) as looking:
            moved = _moved(looking, place_of(artifact_root))
        if moved:
            with closing(sqlite3.connect(database, timeout=WAIT_SECONDS)) as writing, writing:
                for experiment, before, after in moved:
                    _move(writing, experiment, before, after)
    except sqlite3.Error as error:
        raise TrackingAway(f"the places of artifacts in {database} cannot be brought up to date: {error}") from error
    return len(moved)


def _moved(connection: sqlite3.Connection, here: Path) -> list[tuple[int, str, str]]:
    """(experiment, place before, place here) of those that are to follow."""
    if connection.execute("SELECT count(*) FROM sqlite_master WHERE name IN ('experiments', 'runs')").fetchone()[0] < 2:
        return []  # MLflow has not begun with it
    ours = "/" + "/".join(here.parts[-3:])  # artifacts/mlflow/mlflow
    found = []
    for experiment, before in connection.execute("SELECT experiment_id, artifact_location FROM experiments"):
        parent, _, name = str(before or "").rpartition("/")
        after = f"{here.as_uri()}/{name}"
        if not parent.startswith("file://") or not parent.endswith(ours) or before == after:
            continue
        there, made = _path(before), _path(after)
        if made.exists() or not there.exists():  # else its files stayed there, and it is another home's
            found.append((experiment, before, after))
    return found


def _move(connection: sqlite3.Connection, experiment: int, before: str, after: str) -> None:
    connection.execute("UPDATE experiments SET artifact_location = ? WHERE experiment_id = ?", (after, experiment))
    connection.execute(
        "UPDATE runs SET artifact_uri = ? || substr(artifact_uri, ?) WHERE experiment_id = ? AND substr(artifact_uri, 1, ?) = ?",
        (after, len(before) + 1, experiment, len(before) + 1, f"{before}/"),
    )


def _path(uri: str) -> Path:
    return Path(unquote(urlsplit(uri).path))
