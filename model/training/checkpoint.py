"""Checkpoints of a trial: files that are whole or not there, named by their step, tied to the trial's identity."""

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

import torch
from torch import Tensor

from model.errors import CheckpointError, DataError
from model.training import durable_file
from model.training.state import TrainingState
from model.trial_files import CONTINUED, KEPT, average_path, checkpoint_path, resume_order

YOUNGER = "spikes/"
"""What checkpoints of older code lack, and what begins anew when they are resumed: nothing here moves a weight."""


def nobody_else() -> bool:
    """A folder that only this process writes to stays its own."""
    return True


def save(state: TrainingState, folder: Path, identity: str, ours: Callable[[], bool] = nobody_else) -> Path:
    """Writes the full state, then deletes all but the newest `KEPT` of this folder up to it; raises DiskFull, or Superseded unless
    `ours()`. Later ones are of a longer run of the trial, and stay: what was just written is never what is deleted.
    """
    path = checkpoint_path(folder, state.step)
    about = {
        "step": str(state.step),
        "seconds": repr(state.seconds),
        "timed": str(state.timed),
        "summed": str(state.summed),
        "evaluation_due": str(int(state.evaluation_due)),
        "last_point": json.dumps(state.last_point),
        "identity": identity,
        "encoder": state.downloaded,
        "features": state.features,
        "device": state.device,
    }
    durable_file.write(state.tensors(), about, path, ours)
    for old in sorted(older for older in folder.glob("checkpoint-*.safetensors") if older.name <= path.name)[:-KEPT]:
        old.unlink()
    return path


def save_average(state: TrainingState, folder: Path, identity: str, ours: Callable[[], bool] = nobody_else) -> Path:
    """Writes the moving average alone, under the names of the public checkpoints; raises as `save`.

    With it goes what an evaluation says beside the samples, so that it can be made after the checkpoint is gone.
    """
    path = average_path(folder, state.step)
    weights = {name: p.data for name, p in state.objective.average.named_parameters()}
    about = {
        "step": str(state.step),
        "seconds": repr(state.seconds),
        "timed": str(state.timed),
        CONTINUED: json.dumps(state.means()),
        "identity": identity,
        "encoder": state.downloaded,
        "features": state.features,
        "device": state.device,
    }
    durable_file.write(weights, about, path, ours)
    return path


def resume(
    state: TrainingState, folders: Iterable[Path], identity: str, *, at_most: int, recorded: Mapping[Path, int] = MappingProxyType({})
) -> list[str]:
    """Loads into `state` what comes first in `resume_order` and is whole; stays at step 0 where there is nothing.

    Returns what was wrong with those that had to be passed over. Raises DataError where one was trained with other weights of an encoder
    that both only know as `pretrained`, or on features of an encoder that were made otherwise: the trial would be of neither.
    """
    passed_over = []
    for file in resume_order(folders, at_most, recorded):
        try:
            if file.kind == "checkpoint":
                _load(state, file.path, identity, at_most)
            else:
                _load_average(state, file.path, identity)
        except CheckpointError as error:
            passed_over.append(str(error))
        else:
            break
    return passed_over


@torch.no_grad()
def _load(state: TrainingState, path: Path, identity: str, steps: int) -> None:
    loaded, about = _read(path, identity, state)
    done = int(about["step"]) >= steps
    if not done:
        _ensure_same_features(path, about, state)
    into = {name: tensor for name, tensor in state.tensors().items() if name in loaded or not name.startswith(YOUNGER)}
    _copy(loaded, into, path)
    state.trained_on = about.get("features") if done else None
    state.step, state.summed = int(about["step"]), int(about["summed"])
    state.evaluation_due = about.get("evaluation_due") == "1"
    state.seconds, state.last_point = float(about["seconds"]), json.loads(about["last_point"])
    state.timed = int(about.get("timed", about["step"]))  # older code timed every step


@torch.no_grad()
def _load_average(state: TrainingState, path: Path, identity: str) -> None:
    """Enough to evaluate: the weights that train stay as they were made, and are not saved."""
    loaded, about = _read(path, identity, state)
    if CONTINUED not in about:
        raise CheckpointError(f"{path} was written by older code, which left out what an evaluation needs beside it")
    _copy(loaded, {name: p.data for name, p in state.objective.average.named_parameters()}, path)
    state.step, state.seconds, state.timed = int(about["step"]), float(about["seconds"]), int(about["timed"])
    state.last_point = json.loads(about[CONTINUED])
    state.trained_on = about.get("features")


def _read(path: Path, identity: str, state: TrainingState) -> tuple[dict[str, Tensor], dict[str, str]]:
    loaded, about = durable_file.read(path)
    if about.get("identity") != identity:
        raise CheckpointError(f"{path} belongs to another trial")
    if (before := about.get("encoder")) and before != state.downloaded:  # older code did not say
        raise DataError(
            f"the pretrained weights of the encoder were replaced since {path} was trained with them: they were {before}, and are"
            f" {state.downloaded}; put the old ones back, or start over with --fresh or in another folder"
        )
    return loaded, about


def _ensure_same_features(path: Path, about: Mapping[str, str], state: TrainingState) -> None:
    """A trial that goes on with the same features on another device is as one that computes them itself there."""
    if (before := about.get("features")) is None or before == state.features:  # older code did not say
        return
    was, now = before or f"float32 of {about['device']}", state.features or f"float32 of {state.device}"
    if was != now:
        raise DataError(
            f"a trial is trained on one kind of features of its encoder: {path} was on {was}, and those at hand are {now}; put"
            " features-NAME.npy and its .json back as they were, or start over with --fresh or in another folder"
        )


def _copy(loaded: Mapping[str, Tensor], into: Mapping[str, Tensor], path: Path) -> None:
    if missing := sorted(into.keys() - loaded.keys()):
        raise CheckpointError(f"{path} lacks {missing[0]} and {len(missing) - 1} more")
    for name, tensor in into.items():
        tensor.copy_(loaded[name])
