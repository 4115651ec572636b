"""What a trial's data were, kept in its folder: names of classes for whoever looks at its samples, long after the data went elsewhere."""

import contextlib
import dataclasses
import json
from pathlib import Path

from model.data.images import DataFacts
from model.plain_files import ensure_plain
from model.whole_file import whole_file

FILE = "data.json"
_MOST_BYTES = 2**26


def write_facts(facts: DataFacts, folder: Path) -> None:
    """Where there is space for it: no trial ends for want of it."""
    with contextlib.suppress(OSError), whole_file(folder / FILE) as beside:
        beside.write_text(json.dumps(dataclasses.asdict(facts), indent=1), encoding="utf-8")


def read_facts(folder: Path) -> DataFacts | None:
    """None where there are none, or none that can be read."""
    try:
        ensure_plain(folder / FILE, _MOST_BYTES)
        held = json.loads((folder / FILE).read_text(encoding="utf-8"))
        channels, resolution, classes, train, held_out = (
            int(held[name]) for name in ("channels", "resolution", "classes", "train", "held_out")
        )
        names, remarks = (tuple(map(str, held[name])) for name in ("class_names", "remarks"))
        content_hash, left_out = str(held["content_hash"]), int(held.get("left_out", 0))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if names and len(names) != classes:
        return None
    return DataFacts(content_hash, channels, resolution, classes, train, held_out, names, remarks, left_out)
