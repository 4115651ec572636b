"""Checkpoints of a trial: files that are whole or not there, named by their step, tied to the trial's identity."""

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

import torch

from model.errors import CheckpointError
from model.training import durable_file
from model.training.state import TrainingState

KEPT = 2
"""Newest full checkpoints kept in an attempt's folder."""
YOUNGER = "spikes/"
"""What checkpoints of older code lack, and what begins anew when they are resumed: nothing here moves a weight."""


def nobody_else() -> bool:
    """A folder that only this process writes to stays its own."""
    return True


def checkpoint_path(folder: Path, step: int) -> Path:
    """Where an attempt keeps its full state after `step`."""
    return folder / f"checkpoint-{step:08d}.safetensors"


def average_path(folder: Path, step: int) -> Path:
    """Where an attempt keeps its moving average after `step`."""
    return folder / f"average-{step:08d}.safetensors"


def save(state: TrainingState, folder: Path, identity: str, ours: Callable[[], bool] = nobody_else) -> Path:
    """Writes the full state, then deletes all but the newest `KEPT` of this folder; raises DiskFull, or Superseded unless `ours()`."""
    path = checkpoint_path(folder, state.step)
    about = {
        "step": str(state.step),
        "seconds": repr(state.seconds),
        "timed": str(state.timed),
        "summed": str(state.summed),
        "evaluation_due": str(int(state.evaluation_due)),
        "last_point": json.dumps(state.last_point),
        "identity": identity,
    }
    durable_file.write(state.tensors(), about, path, ours)
    for old in sorted(folder.glob("checkpoint-*.safetensors"))[:-KEPT]:
        old.unlink()
    return path


def save_average(state: TrainingState, folder: Path, identity: str, ours: Callable[[], bool] = nobody_else) -> Path:
    """Writes the moving average alone, under the names of the public checkpoints; raises as `save`."""
    path = average_path(folder, state.step)
    weights = {name: p.data for name, p in state.learner.average.named_parameters()}
    durable_file.write(weights, {"step": str(state.step), "identity": identity}, path, ours)
    return path


def resume(
    state: TrainingState, folders: Iterable[Path], identity: str, *, at_most: int, recorded: Mapping[Path, int] = MappingProxyType({})
) -> list[str]:
    """Loads the newest whole checkpoint of `folders` at or before step `at_most` into `state`; stays at step 0 where there is none.

    A checkpoint after the step of its folder in `recorded` would leave a gap in the curve: it is used only where that step had a
    checkpoint and none up to it is whole any more. Returns what was wrong with those that had to be passed over.
    """
    found = [(int(path.stem.split("-")[1]), path) for folder in folders for path in folder.glob("checkpoint-*.safetensors")]
    passed_over = []
    found = [(step, path) for step, path in found if step <= at_most and recorded.get(path.parent, step) > 0]
    found.sort(key=lambda pair: (pair[0] <= recorded.get(pair[1].parent, pair[0]), pair[0]), reverse=True)  # the newest attempt first
    for _, path in found:
        try:
            _load(state, path, identity)
        except CheckpointError as error:
            passed_over.append(str(error))
        else:
            break
    return passed_over


@torch.no_grad()
def _load(state: TrainingState, path: Path, identity: str) -> None:
    loaded, about = durable_file.read(path)
    if about.get("identity") != identity:
        raise CheckpointError(f"{path} belongs to another trial")
    wanted = {name: tensor for name, tensor in state.tensors().items() if name in loaded or not name.startswith(YOUNGER)}
    if missing := sorted(wanted.keys() - loaded.keys()):
        raise CheckpointError(f"{path} lacks {missing[0]} and {len(missing) - 1} more")
    for name, tensor in wanted.items():
        tensor.copy_(loaded[name])
    state.step, state.summed = int(about["step"]), int(about["summed"])
    state.evaluation_due = about.get("evaluation_due") == "1"
    state.seconds, state.last_point = float(about["seconds"]), json.loads(about["last_point"])
    state.timed = int(about.get("timed", about["step"]))  # older code timed every step
