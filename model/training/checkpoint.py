"""Checkpoints of a trial: safetensors, written beside and renamed, named by their step, tied to the trial's identity."""

import json
import os
from collections.abc import Iterable
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from model.errors import CheckpointError
from model.training.state import TrainingState

KEPT = 2
"""Newest full checkpoints kept in an attempt's folder."""
YOUNGER = "spikes/"
"""What checkpoints of older code lack, and what begins anew when they are resumed: nothing here moves a weight."""


def checkpoint_path(folder: Path, step: int) -> Path:
    """Where an attempt keeps its full state after `step`."""
    return folder / f"checkpoint-{step:08d}.safetensors"


def average_path(folder: Path, step: int) -> Path:
    """Where an attempt keeps its moving average after `step`."""
    return folder / f"average-{step:08d}.safetensors"


def save(state: TrainingState, folder: Path, identity: str) -> Path:
    """Writes the full state, then deletes all but the newest `KEPT` of this folder."""
    path = checkpoint_path(folder, state.step)
    about = {
        "step": str(state.step),
        "seconds": repr(state.seconds),
        "summed": str(state.summed),
        "evaluation_due": str(int(state.evaluation_due)),
        "last_point": json.dumps(state.last_point),
        "identity": identity,
    }
    _write(state.tensors(), about, path)
    for old in sorted(folder.glob("checkpoint-*.safetensors"))[:-KEPT]:
        old.unlink()
    return path


def save_average(state: TrainingState, folder: Path, identity: str) -> Path:
    """Writes the moving average alone, under the names of the public checkpoints."""
    path = average_path(folder, state.step)
    weights = {name: p.data for name, p in state.learner.average.named_parameters()}
    _write(weights, {"step": str(state.step), "identity": identity}, path)
    return path


def _write(tensors: dict[str, Tensor], about: dict[str, str], path: Path) -> None:
    beside = path.with_suffix(".writing")
    save_file({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, beside, metadata=about)
    with beside.open("rb+") as file:
        os.fsync(file.fileno())
    beside.replace(path)


def resume(state: TrainingState, folders: Iterable[Path], identity: str, *, at_most: int) -> list[str]:
    """Loads the newest whole checkpoint of `folders` at or before step `at_most` into `state`; stays at step 0 where there is none.

    Returns what was wrong with newer ones that had to be passed over.
    """
    found = [(int(path.stem.split("-")[1]), path) for folder in folders for path in folder.glob("checkpoint-*.safetensors")]
    passed_over = []
    for step, path in sorted(found, key=lambda pair: pair[0], reverse=True):  # stable: the newest attempt first within a step
        if step > at_most:
            continue
        try:
            _load(state, path, identity)
        except CheckpointError as error:
            passed_over.append(str(error))
        else:
            break
    return passed_over


@torch.no_grad()
def _load(state: TrainingState, path: Path, identity: str) -> None:
    try:
        with safe_open(path, framework="pt") as file:
            about = file.metadata() or {}
            if about.get("identity") != identity:
                raise CheckpointError(f"{path} belongs to another trial")
            wanted = state.tensors()
            held = set(file.keys())
            wanted = {name: tensor for name, tensor in wanted.items() if name in held or not name.startswith(YOUNGER)}
            if missing := sorted(wanted.keys() - held):
                raise CheckpointError(f"{path} lacks {missing[0]} and {len(missing) - 1} more")
            loaded = {name: file.get_tensor(name) for name in wanted}
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} is torn or unreadable ({error})") from error
    for name, tensor in wanted.items():
        tensor.copy_(loaded[name])
    state.step, state.summed = int(about["step"]), int(about["summed"])
    state.evaluation_due = about.get("evaluation_due") == "1"
    state.seconds, state.last_point = float(about["seconds"]), json.loads(about["last_point"])
