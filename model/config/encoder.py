"""Which frozen vision transformer shows the student what an image holds (REPA, 2410.06940)."""

from pydantic import Field

from model.config.frozen import TimmNetwork
from model.config.section import MOST


class EncoderConfig(TimmNetwork):
    """A vision transformer of timm; it never trains and is in no checkpoint, so its name and weights are part of a trial's name."""

    place = "alignment.encoder"

    resolution: int | None = Field(default=None, ge=1, le=MOST)
    """Side of the image that the encoder sees; None is 224 * (side of the images / 256). Its patches must be as many as our tokens."""
