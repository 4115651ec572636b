"""Real images as an extractor sees them: what samples are compared with. Computed once for a data set and kept under what made it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from filelock import FileLock, Timeout
from safetensors import SafetensorError
from torch import Tensor

from model.config.evaluation import EvaluationConfig
from model.config.train import EVALUATOR_VERSION
from model.data.dataset import DataSet
from model.data.images import content_hash
from model.evaluation.distances import Moments, frechet_distance
from model.evaluation.extractors import Eye
from model.evaluation.judge import Judge
from model.evaluation.kernel_distance import KEPT
from model.tensor_file import save_tensors
from model.weight_files import open_safetensors
from model.whole_file import whole_file

ASK_SECONDS = 2.0
"""How long to wait for another process's reference before saying that this one is alive."""


@dataclass(frozen=True)
class Reference:
    """The training images, seen by the judge or by another eye."""

    eye: Eye | None
    """None is the judge."""
    moments: Moments
    """Of the features of all training images."""
    floor: float
    """Fréchet distance of held-out against training images: real against real, with `floor_n` images."""
    floor_n: int
    neighbours: Tensor | None
    """Features (m, F) of as many training images as samples, where there are as many; None when no metric looks at them."""
    features: Tensor | None = None
    """Features (m, F) of training images, at most `kernel_distance.KEPT`; None when the kernel distance is not asked for."""


def judges_reference(config: EvaluationConfig, data: DataSet, judge: Judge) -> Reference:
    """The reference of a data set in the judge's own features."""
    neighbours, features = (None if shown is None else judge.look(shown)[0] for shown in (_near(config, data), _sampled(config, data)))
    return Reference(None, judge.reference, judge.floor, judge.floor_n, neighbours, features)


def load_or_make_reference(
    config: EvaluationConfig, data: DataSet, patch: int, eye: Eye, cache: Path, tick: Callable[[], None]
) -> Reference:
    """The reference of a data set in the features of `eye`, read from `cache` when it was computed before.

    `tick` is called before every block of images, and while another process computes.
    """

    def seen(tokens: Tensor) -> Tensor:
        return eye.look(tokens, patch, data.channels, tick)[0]

    def statistics() -> dict[str, Tensor]:
        known, new = (Moments.of(seen(part.tokens).numpy()) for part in (data.judged, data.held_out))
        floor = torch.tensor(frechet_distance(known, new), dtype=torch.float64)
        return {"mean": torch.from_numpy(known.mean), "covariance": torch.from_numpy(known.covariance), "floor": floor}

    # Samples are seen on the same kind of device, whose rounding they share.
    what = (data.content_hash, f"{len(data.judged)}-{len(data.held_out)}", eye.name, data.judged.tokens.device.type, "float32")
    key = f"{content_hash(*(part.encode() for part in what))}-v{EVALUATOR_VERSION}"
    held = kept(cache / f"reference-{key}.safetensors", statistics, tick)
    moments = Moments(held["mean"].numpy(), held["covariance"].numpy(), len(data.judged))
    near, neighbours = _near(config, data), None
    if near is not None:
        neighbours = kept(cache / f"neighbours-{key}-{len(near)}.safetensors", lambda: {"features": seen(near)}, tick)["features"]
    sampled, features = _sampled(config, data), None
    if sampled is not None:
        features = kept(cache / f"features-{key}-{len(sampled)}.safetensors", lambda: {"features": seen(sampled)}, tick)["features"]
    return Reference(eye, moments, held["floor"].item(), len(data.held_out), neighbours, features)


def _near(config: EvaluationConfig, data: DataSet) -> Tensor | None:
    """Tokens (m, T, P) of the images among whose features neighbours are looked for: the training part is shuffled once for all."""
    return data.judged.tokens[: config.samples] if config.by_neighbours else None


def _sampled(config: EvaluationConfig, data: DataSet) -> Tensor | None:
    """Tokens (m, T, P) of the images among whose features the kernel distance draws its subsets."""
    return data.judged.tokens[:KEPT] if "kid" in config.extra_metrics else None


def kept(path: Path, make: Callable[[], dict[str, Tensor]], tick: Callable[[], None]) -> dict[str, Tensor]:
    """The tensors in a file, made at their first use or when the file is torn; one process makes them, the others wait."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with _alone(path.with_suffix(".lock"), tick):
        try:
            with open_safetensors(path) as file:
                return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # not a mapping
        except (FileNotFoundError, SafetensorError):
            made = make()
            with whole_file(path) as beside:
                save_tensors(made, beside)
            return made


@contextmanager
def _alone(lock: Path, tick: Callable[[], None]) -> Iterator[None]:
    held = FileLock(lock)
    while True:
        tick()
        try:
            held.acquire(timeout=ASK_SECONDS)
            break
        except Timeout:
            continue
    try:
        yield
    finally:
        held.release()
