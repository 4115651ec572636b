"""External alignment from a file: features of a frozen encoder that `sweeper data features` wrote beside the pictures.

N images, T tokens, F width of the features.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy.typing as npt
from torch import Tensor, nn

from model.alignment.targets import AlignmentBatch, OutsideGraphs
from model.config.encoded_features import EncodedFeatures, encoded_features, ensure_of
from model.config.encoder import EncoderConfig
from model.data.images import content_hash
from model.data.mapped import MappedFile, mapped, mapped_file, places_looked_at, rows_at
from model.data.pictures import StoredImages, open_images
from model.data.rows import StreamedRows
from model.errors import DataError

HASHED_ROWS = 64
"""Of a large data set's features, 50 MB: read whenever a trial begins."""


@dataclass
class StoredFeatures(OutsideGraphs):
    """A `Target`: the features of a batch's pictures, read from a mapped file.

    In float32 they are what the encoder would give, to the rounding of its products in blocks of another size.
    """

    rows: StreamedRows
    """(n, T, F), of the whole data set."""
    places: Tensor
    """Which rows are of the images that are trained on, a CPU tensor."""
    width: int
    """F."""
    downloaded: str
    """As `EncodedImages.downloaded`."""
    about: EncodedFeatures
    file: MappedFile

    def features(self, batch: AlignmentBatch) -> Tensor:
        """(N, T, F)."""
        assert batch.images is not None, "features are found by an image's place in the training set"
        found = self.rows.at(self.places[batch.images.cpu()])
        return batch.grouping.sort(found.to(batch.clean.dtype))

    def made_otherwise(self, device: str) -> str | None:
        """How they differ from what a trial on the device of that name would compute itself by more than rounding; None where not."""
        return None if (self.about.dtype, self.about.device) == ("float32", device) else f"{self.about.dtype} of {self.about.device}"


def stored_features(
    config: EncoderConfig, encoder: nn.Module, side: int, downloaded: str, pictures: StoredImages, tokens: int
) -> StoredFeatures | None:
    """Those of the very encoder, weights, side and pictures; None where nobody wrote any of the encoder and side.

    Raises:
        DataError: They are of other weights or other pictures, or the array is not what the file beside it says, as far as is looked at.
    """
    folder = pictures.folder
    if folder is None or not (of_encoder := encoded_features(folder, config)):
        return None
    shape = (len(pictures.rows), tokens, int(encoder.num_features))  # type: ignore[arg-type]
    fitting = [(path, about) for path, about in of_encoder.items() if about.side == side]
    if not fitting:
        return None
    opened = open_images(folder, len(pictures.rows))
    images = opened[1] if opened else ""
    # Of several those of the very pictures and weights come first, and of these such as are not rounded.
    path, about = min(fitting, key=lambda one: ((one[1].images_hash, one[1].downloaded) != (images, downloaded), one[1].dtype != "float32"))
    ensure_of(path, about, config, downloaded, images)
    file, array = _opened(path)
    if array.shape != shape or about.shape != shape or str(array.dtype) != about.dtype:
        raise DataError(
            f"{path} has shape {array.shape} of {array.dtype}, and {shape} of {about.dtype} was written; remove it and the .json beside it,"
            " and write them again: sweeper data features"
        )
    if about.rows_hash and (now := rows_hash(array)) != about.rows_hash:
        raise DataError(
            f"{path} holds other features than were written (its rows are {now}, and {about.rows_hash} were written); remove it and the"
            " .json beside it, and write them again: sweeper data features"
        )
    return StoredFeatures(StreamedRows(array, pictures.device), pictures.places, shape[2], downloaded, about, file)


def rows_hash(array: npt.NDArray[Any]) -> str:
    """Names features (n, T, F) by `HASHED_ROWS` of them."""
    return content_hash(rows_at(array, places_looked_at(len(array), HASHED_ROWS)).tobytes())


def _opened(path: Path) -> tuple[MappedFile, npt.NDArray[Any]]:
    try:
        return mapped_file(path), mapped(path)
    except OSError as error:
        raise DataError(
            f"{path} cannot be read ({error.strerror}), and the .json beside it says that it is there; remove that, and write both again:"
            " sweeper data features"
        ) from error
