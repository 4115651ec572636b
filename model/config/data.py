"""Which images. A data set is named by its content, never by its path."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from model.config.section import MOST, NOT_IDENTITY, Section, added_later

HELD_OUT_FRACTION = 0.2


class DigitsData(Section):
    """scikit-learn's handwritten digits: 1,797 real images of 8 x 8 pixels in 10 classes; nothing to download."""

    kind: Literal["digits"] = "digits"


class NpzData(Section):
    """A user's own images in one `.npz` file."""

    kind: Literal["npz"]
    path: Path = Field(json_schema_extra=NOT_IDENTITY)
    """File with `images`, (N, H, H) or (N, H, H, C), uint8 or floats in [-1, 1], and `labels`, (N,) integers."""
    held_out_fraction: float = Field(default=HELD_OUT_FRACTION, gt=0, lt=1)
    """Share of the images kept away from training, by a fixed shuffle."""


class FolderData(Section):
    """A user's own images, one sub-folder per class."""

    kind: Literal["folder"]
    path: Path = Field(json_schema_extra=NOT_IDENTITY)
    """Folder of class folders of image files."""
    resolution: int = Field(ge=2, le=MOST)
    """Side of every image in pixels; a file of another size is named and refused."""
    channels: Literal[1, 3] = 3
    """1 reads grey values, 3 reads RGB."""
    held_out_fraction: float = Field(default=HELD_OUT_FRACTION, gt=0, lt=1)
    """Share of the images kept away from training, by a fixed shuffle."""


class LatentsData(Section):
    """Latents of a variational autoencoder, prepared beforehand: their posterior's moments, drawn anew at every step."""

    kind: Literal["latents"]
    path: Path = Field(json_schema_extra=NOT_IDENTITY)
    """Folder with `moments.npy`, (images, 2 x channels, resolution, resolution) float16 or float32: means, then standard deviations; and
    `labels.npy`, (images,) integers."""
    channels: int = Field(default=4, ge=1, le=MOST)
    """Channels of a latent."""
    resolution: int = Field(default=32, ge=2, le=MOST)
    """Side of a latent in cells."""
    classes: int = Field(default=1000, ge=1, le=MOST)
    """Number of labels."""
    images: int = Field(default=1_281_167, ge=2, le=MOST)
    """Number of images, held-out ones included."""
    scale: float = Field(default=0.18215, gt=0, json_schema_extra=added_later(0.18215))
    """z = (mean + std * eps) * scale, with a fresh eps every step; .18215 is of Stable Diffusion's autoencoder."""
    held_out_fraction: float = Field(default=0.01, gt=0, lt=1, json_schema_extra=added_later(0.01))
    """Share of the images kept away from training, by a fixed shuffle."""
    residence: Literal["auto", "device", "disk"] = Field(default="auto", json_schema_extra=NOT_IDENTITY)
    """Where moments lie while training: `device` whole, or on `disk` and read a batch ahead; `auto` is `device` where they take at most
    half of a GPU's free memory. The numbers are the same."""


DataConfig = Annotated[DigitsData | NpzData | FolderData | LatentsData, Field(discriminator="kind")]
