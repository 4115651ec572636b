"""Files of state as an attempt leaves them, of any size and without weights."""

import json
from pathlib import Path


def write_state(folder: Path, kind: str, step: int, size: int = 1000, number: str = "") -> Path:
    """A whole file of one tensor; `kind` is 'checkpoint', 'average' or, with a `number`, 'evaluation'."""
    folder.mkdir(parents=True, exist_ok=True)
    about = {"step": str(step), "last_point": "{}"}
    header = json.dumps({"__metadata__": about, "x": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}).encode()
    path = folder / f"{kind}-{step:08d}{number}.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(size))
    return path
