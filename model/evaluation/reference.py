"""Real images as an extractor sees them: what samples are compared with. Computed once for a data set and kept under what made it."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from filelock import FileLock, Timeout
from safetensors import SafetensorError
from torch import Tensor

from model.config.evaluation import EvaluationConfig
from model.config.train import EVALUATOR_VERSION
from model.data.dataset import DataSet
from model.data.images import content_hash
from model.data.pictures import Pictures, RealImages, TokenImages
from model.errors import DataError
from model.evaluation.cmmd import KEPT as EMBEDDINGS_KEPT
from model.evaluation.distances import Moments, frechet_distance
from model.evaluation.evaluation_classifier import EvaluationClassifier
from model.evaluation.extractors import BLOCK, FeatureExtractor
from model.evaluation.kernel_distance import KEPT
from model.evaluation.reference_file import SHOWN, ReferenceFile
from model.tensor_file import save_tensors
from model.weight_files import open_safetensors
from model.whole_file import whole_file

ASK_SECONDS = 2.0
"""How long to wait for another process's reference before saying that this one is alive."""


@dataclass(frozen=True)
class Reference:
    """Real images, in features of the evaluation classifier or of another network: those trained on, or those of a published file."""

    extractor: FeatureExtractor | None
    """None is the evaluation classifier."""
    moments: Moments
    """Of the features of all of them."""
    floor: float
    """Fréchet distance of the data's held-out images from them: real against real, with `floor_n` images; NaN where there are none."""
    floor_n: int
    neighbours: Tensor | None
    """Features (m, F) of as many training images as samples, where there are as many, or of a file's first images; None when no metric
    looks at them."""
    features: Tensor | None = None
    """Features (m, F) of at most `kernel_distance.KEPT` of them; None when the kernel distance is not asked for."""
    spatial: Moments | None = None
    """Of their spatial features; None when sfid is not asked for."""
    file: str = ""
    """Name and hash of the published file; empty for the training images."""
    embeddings: Tensor | None = None
    """Features (m, F) of at most `cmmd.KEPT` of them; None when cmmd is not asked for."""


def classifier_reference(config: EvaluationConfig, data: DataSet, classifier: EvaluationClassifier) -> Reference:
    """The reference of a data set in the features of the evaluation classifier."""
    neighbours, features = (
        None if shown is None else classifier.classify(shown)[0] for shown in (_near(config, data), _sampled(config, data))
    )
    return Reference(None, classifier.reference, classifier.floor, classifier.floor_n, neighbours, features)


def load_or_make_reference(
    config: EvaluationConfig, data: DataSet, patch: int, extractor: FeatureExtractor, cache: Path, tick: Callable[[], None]
) -> Reference:
    """The reference of a data set in the features of `extractor`, or that of the config's file; what is computed is kept in `cache`.

    `tick` is called before every block of images, and while another process computes.
    """
    if (file := ReferenceFile.of(config)) is not None:
        return _of_file(file, config, data, patch, extractor, cache, tick)
    pictures = real_pictures(data, patch)

    def seen(part: RealImages, most: int | None = None) -> Tensor:
        return extractor.extract(part.blocks(BLOCK, most), tick)[0]

    def statistics() -> dict[str, Tensor]:
        known, new = (Moments.of(seen(part).numpy()) for part in (pictures.reference_images, pictures.held_out))
        floor = torch.tensor(frechet_distance(known, new), dtype=torch.float64)
        return {"mean": torch.from_numpy(known.mean), "covariance": torch.from_numpy(known.covariance), "floor": floor}

    # Samples are seen on the same kind of device, whose rounding they share.
    what = (
        data.pictures_hash,
        f"{len(pictures.reference_images)}-{len(data.held_out)}",
        extractor.name,
        data.reference_images.tokens.device.type,
        "float32",
    )
    key = f"{content_hash(*(part.encode() for part in what))}-v{EVALUATOR_VERSION}"
    held = kept(cache / f"reference-{key}.safetensors", statistics, tick)
    moments = Moments(held["mean"].numpy(), held["covariance"].numpy(), len(pictures.reference_images))
    near, neighbours = min(config.samples, len(pictures.reference_images)), None
    if config.by_neighbours:
        made = kept(cache / f"neighbours-{key}-{near}.safetensors", lambda: {"features": seen(pictures.reference_images, near)}, tick)
        neighbours = made["features"]
    sampled, features = min(KEPT, len(pictures.reference_images)), None
    if "kid" in config.extra_metrics:
        made = kept(cache / f"features-{key}-{sampled}.safetensors", lambda: {"features": seen(pictures.reference_images, sampled)}, tick)
        features = made["features"]
    spatial = None
    if "sfid" in config.extra_metrics:

        def places() -> dict[str, Tensor]:
            known = Moments.of(extractor.extract_with_spatial(pictures.reference_images.blocks(BLOCK), tick)[2].numpy())
            return {"mean": torch.from_numpy(known.mean), "covariance": torch.from_numpy(known.covariance)}

        made = kept(cache / f"spatial-{key}.safetensors", places, tick)
        spatial = Moments(made["mean"].numpy(), made["covariance"].numpy(), len(pictures.reference_images))
    embeddings = None
    if "cmmd" in config.extra_metrics:
        most = min(EMBEDDINGS_KEPT, len(pictures.reference_images))
        made = kept(cache / f"embeddings-{key}-{most}.safetensors", lambda: {"features": seen(pictures.reference_images, most)}, tick)
        embeddings = made["features"]
    return Reference(extractor, moments, held["floor"].item(), len(data.held_out), neighbours, features, spatial, embeddings=embeddings)


def _of_file(
    file: ReferenceFile,
    config: EvaluationConfig,
    data: DataSet,
    patch: int,
    extractor: FeatureExtractor,
    cache: Path,
    tick: Callable[[], None],
) -> Reference:
    """The file's statistics, with the data's held-out images as the floor."""
    device = data.reference_images.tokens.device
    found = file_reference(file, config, extractor, device, cache, tick)

    def floor() -> dict[str, Tensor]:
        held_out = extractor.extract(real_pictures(data, patch).held_out.blocks(BLOCK), tick)[0]
        return {"floor": torch.tensor(frechet_distance(found.moments, Moments.of(held_out.numpy())), dtype=torch.float64)}

    apart = _key_of(file, extractor, device, data.pictures_hash, f"{len(data.reference_images)}-{len(data.held_out)}")
    held = kept(cache / f"floor-{apart}.safetensors", floor, tick)
    return replace(found, floor=held["floor"].item(), floor_n=len(data.held_out))


def file_reference(
    file: ReferenceFile, config: EvaluationConfig, extractor: FeatureExtractor, device: torch.device, cache: Path, tick: Callable[[], None]
) -> Reference:
    """The file's statistics, without a floor, which needs real images besides; of its images the first, where a metric looks at them."""
    tick()
    shown: Tensor | None = None
    if config.by_neighbours or "kid" in config.extra_metrics:
        path = cache / f"features-{_key_of(file, extractor, device)}-{SHOWN}.safetensors"
        shown = kept(path, lambda: {"features": extractor.extract(file.images(device, BLOCK, SHOWN), tick)[0]}, tick)["features"]
    return Reference(
        extractor,
        file.moments(),
        math.nan,
        0,
        shown if config.by_neighbours else None,
        None if shown is None or "kid" not in config.extra_metrics else shown[:KEPT],
        file.spatial() if "sfid" in config.extra_metrics else None,
        str(file),
    )


def _key_of(file: ReferenceFile, extractor: FeatureExtractor, device: torch.device, *more: str) -> str:
    what = (file.hash, extractor.name, device.type, "float32", *more)
    return f"{content_hash(*(part.encode() for part in what))}-v{EVALUATOR_VERSION}"


def real_pictures(data: DataSet, patch: int) -> Pictures:
    """The real images as an extractor sees them; of latents those that lie beside them. Raises DataError where none do."""
    if data.pictures is not None:
        return data.pictures
    if not data.bounded:
        raise DataError(
            "samples are decoded, but the latents' folder has no images.npy with the pictures that they are of, to compare them with;"
            " encode the data set with its pictures: sweeper data encode"
        )
    reference_images, held_out = (TokenImages(part.tokens, patch, data.channels) for part in (data.reference_images, data.held_out))
    return Pictures(None, reference_images, held_out)


def _near(config: EvaluationConfig, data: DataSet) -> Tensor | None:
    """Tokens (m, T, P) of the images among whose features neighbours are looked for: the training part is shuffled once for all."""
    return data.reference_images.tokens[: config.samples] if config.by_neighbours else None


def _sampled(config: EvaluationConfig, data: DataSet) -> Tensor | None:
    """Tokens (m, T, P) of the images among whose features the kernel distance draws its subsets."""
    return data.reference_images.tokens[:KEPT] if "kid" in config.extra_metrics else None


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
