"""Which images. A data set is named by its content, never by its path."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from model.config.encoded_data import read_encoded
from model.config.paths import UserPath, absolute_path
from model.config.section import MOST, NOT_IDENTITY, Section, added_later
from model.errors import ConfigError

HELD_OUT_FRACTION = 0.2

Residence = Literal["auto", "device", "disk"]

Positive = Annotated[float, Field(gt=0)]


class Images(Section):
    """What every data set may be asked for."""

    train_images: int | None = Field(default=None, ge=1, le=MOST, json_schema_extra=added_later(None))
    """Train on so many of the training images: of each class as many as of any other, as far as it has them, and of two such subsets the
    larger holds the smaller. None is all. The held-out images stay the same, and so does what samples are compared with."""


class DigitsData(Images):
    """scikit-learn's handwritten digits: 1,797 real images of 8 x 8 pixels in 10 classes; nothing to download."""

    kind: Literal["digits"] = "digits"


class PhotographsData(Images):
    """scikit-learn's two photographs, a temple in China and a flower, cut into colour crops that do not overlap: at 16 x 16 pixels, 1,040
    of each; nothing to download. The class is the photograph."""

    kind: Literal["photographs"]
    resolution: int = Field(default=16, ge=4, le=128)
    """Side of a crop in pixels."""


class NpzData(Images):
    """A user's own images in one `.npz` file."""

    kind: Literal["npz"]
    path: UserPath = Field(json_schema_extra=NOT_IDENTITY)
    """File with `images`, (N, H, H) or (N, H, H, C), uint8 or floats in [-1, 1], and `labels`, (N,) integers; `class_names`, (K,) text, if
    they have names."""
    range: tuple[float, float] | None = Field(default=None, json_schema_extra=NOT_IDENTITY)
    """Values that are black and white: [0, 255] for uint8 and [-1, 1] for floats, unless it says otherwise, such as [0, 1]. Part of the
    content that names the data."""
    held_out_fraction: float = Field(default=HELD_OUT_FRACTION, gt=0, lt=1)
    """Share of the images kept away from training, by a fixed shuffle."""

    @field_validator("range")
    @classmethod
    def _ascending(cls, given: tuple[float, float] | None) -> tuple[float, float] | None:
        if given is not None and not given[0] < given[1]:
            raise ConfigError(f"data.range is [black, white] with black < white, not [{given[0]:g}, {given[1]:g}]")
        return given


class FolderData(Images):
    """A user's own images, one sub-folder per class."""

    kind: Literal["folder"]
    path: UserPath = Field(json_schema_extra=NOT_IDENTITY)
    """Folder of class folders of image files."""
    resolution: int = Field(ge=2, le=MOST)
    """Side of every image in pixels; a file of another size is named and refused."""
    channels: Literal[1, 3] = 3
    """1 reads grey values, 3 reads RGB."""
    held_out_fraction: float = Field(default=HELD_OUT_FRACTION, gt=0, lt=1)
    """Share of the images kept away from training, by a fixed shuffle."""


class LatentsData(Images):
    """Latents of a variational autoencoder, prepared beforehand: their posterior's moments, drawn anew at every step."""

    kind: Literal["latents"]
    path: UserPath = Field(json_schema_extra=NOT_IDENTITY)
    """Folder that `sweeper data encode` wrote, which says of itself what else is asked here. Or one with `moments.npy`, (images,
    2 x channels, resolution, resolution) float16 or float32: means, then standard deviations; and `labels.npy`, (images,) integers. Or
    the folder or zip that EDM2's or REPA's data set tool writes, of at most 10,000 images: `python -m model pack-latents` makes the two
    arrays of a larger one."""
    channels: int = Field(default=4, ge=1, le=MOST)
    """Channels of a latent."""
    resolution: int = Field(default=32, ge=2, le=MOST)
    """Side of a latent in cells."""
    classes: int = Field(default=1000, ge=1, le=MOST)
    """Number of labels."""
    images: int = Field(default=1_281_167, ge=2, le=MOST)
    """Number of images, held-out ones included."""
    scale: Positive | tuple[Positive, ...] = Field(default=0.18215, json_schema_extra=added_later(0.18215))
    """z = (mean + std * eps - shift) * scale, with a fresh eps every step: a number, or one per channel; .18215 is of Stable Diffusion's
    autoencoder."""
    shift: float | tuple[float, ...] = Field(default=0.0, json_schema_extra=added_later(0.0))
    """Taken off before latents are scaled: a number, or one per channel; .1159 is of FLUX's autoencoder."""
    spread: Literal["unit", "any"] = Field(default="unit", json_schema_extra=NOT_IDENTITY)
    """`unit` refuses latents whose z has a standard deviation below 0.4 or above 2.5, as those that were scaled before have; `any` takes
    them as they are."""
    held_out_fraction: float = Field(default=0.01, gt=0, lt=1, json_schema_extra=added_later(0.01))
    """Share of the images kept away from training, by a fixed shuffle."""
    residence: Residence = Field(default="auto", json_schema_extra=NOT_IDENTITY)
    """Where moments lie while training: `device` whole, or on `disk` and read a batch ahead; `auto` is `device` where they take at most
    half of a GPU's free memory. The numbers are the same."""

    @model_validator(mode="before")
    @classmethod
    def _as_the_folder_says(cls, given: Any) -> Any:
        names = ("channels", "resolution", "classes", "images", "scale", "shift")
        return _completed(given, {name: name for name in names})

    @model_validator(mode="after")
    def _one_per_channel(self) -> Self:
        for name in ("scale", "shift"):
            given = getattr(self, name)
            if isinstance(given, tuple) and len(given) != self.channels:
                raise ConfigError(
                    f"data.{name} has {len(given)} numbers, and data.channels is {self.channels}; give one number, or one per channel"
                )
        return self


class ImagesData(Images):
    """Pictures in one array on disk, of which no more is read than a step needs: for data sets that fit no memory."""

    kind: Literal["images"]
    path: UserPath = Field(json_schema_extra=NOT_IDENTITY)
    """Folder that `sweeper data encode` wrote, which says of itself what else is asked here. Or one with `images.npy`, (images,
    resolution, resolution, 3) uint8, and `labels.npy`, (images,) integers."""
    resolution: int = Field(default=256, ge=2, le=MOST)
    """Side of a picture in pixels."""
    classes: int = Field(default=1000, ge=1, le=MOST)
    """Number of labels."""
    images: int = Field(default=1_281_167, ge=2, le=MOST)
    """Number of images, held-out ones included."""
    held_out_fraction: float = Field(default=0.01, gt=0, lt=1)
    """Share of the images kept away from training, by a fixed shuffle; at most as many as have 2^28 values together (1,365 of 256 x 256
    pixels, 21,845 of 64 x 64), since evaluation holds them in memory. As many training images are what the classifier looks at."""
    residence: Residence = Field(default="auto", json_schema_extra=NOT_IDENTITY)
    """Where pictures lie while training: `device` whole, or on `disk` and read a batch ahead; `auto` is `device` where they take at most
    half of a GPU's free memory. The numbers are the same."""

    @model_validator(mode="before")
    @classmethod
    def _as_the_folder_says(cls, given: Any) -> Any:
        return _completed(given, {"resolution": "picture_side", "classes": "classes", "images": "images"})


def _completed(given: Any, fields: dict[str, str]) -> Any:
    """With what a folder that `sweeper data encode` wrote says of itself: each field by the name that it has there.

    Where everything is said the folder is not looked at: a stored config is read where its data are long gone, or others. What
    contradicts the arrays is refused when these are opened.
    """
    if not isinstance(given, dict) or not isinstance(path := given.get("path"), str | Path):
        return given
    lacking = [name for name in fields if name not in given]
    try:
        encoded = read_encoded(absolute_path(path)) if lacking else None
    except ConfigError:
        raise
    except ValueError:
        return given  # the field's own rule says what is wrong with the path
    return given if encoded is None else {name: getattr(encoded, fields[name]) for name in lacking} | given


DataConfig = Annotated[DigitsData | PhotographsData | NpzData | FolderData | LatentsData | ImagesData, Field(discriminator="kind")]
