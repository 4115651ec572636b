"""One rule from any picture that Pillow opens to 8-bit pixels, the same that a viewer shows; what has no rule is refused by its mode.

orientation      as the picture's own tag says (EXIF)
1, L, P, RGB     as they are; a palette by its colours
alpha            over white, whether a channel, a palette's or one transparent colour
CMYK, YCbCr      to RGB by Pillow's formulas
16 bits          the high byte of each value
frames, pages    one; several are refused (but for a camera's preview beside its picture, MPO)
I, F, LAB, ...   refused: nothing says which values are black and white
colour profiles  not applied, as in the field's own tools; `has_other_colours` tells of them
"""

import io
from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms, ImageOps

SIXTEEN = {"I;16", "I;16L", "I;16B", "I;16N"}
READ = {"1", "L", "P", "RGB", "RGBA", "LA", "PA", "La", "RGBa", "RGBX", "CMYK", "YCbCr", "HSV"}
PREMULTIPLIED = {"La": "LA", "RGBa": "RGBA"}
_PHOTOMETRIC, _WHITE_IS_ZERO = 262, 0
"""TIFF's tag, and its value for pictures whose zero is white: Pillow turns those of 8 bits, not those of 16."""

Pixels = npt.NDArray[np.uint8]


class NoRule(ValueError):
    """A picture that could be read in several ways."""


def to_pixels(image: Image.Image, channels: Literal[1, 3]) -> Pixels:
    """The pixels of an opened picture.

    Args:
        image: As `PIL.Image.open` gives it, nothing of it read yet.
        channels: 1 for grey values (ITU-R 601 luma of the colours), 3 for RGB.

    Returns:
        (H, W, channels), upright.

    Raises:
        NoRule: It has several frames, or a mode that has no rule; the message names it.
    """
    frames = getattr(image, "n_frames", 1)
    if frames > 1 and image.format != "MPO":
        raise NoRule(f"it holds {frames} frames or pages, and nothing says which is meant; save that one alone")
    inverted = image.format == "TIFF" and getattr(image, "tag_v2", {}).get(_PHOTOMETRIC) == _WHITE_IS_ZERO
    upright = ImageOps.exif_transpose(image)
    if upright.mode in SIXTEEN:
        flat = Image.fromarray(_high_bytes(upright, inverted))
    elif upright.mode in READ:
        flat = _over_white(upright)
    else:
        raise NoRule(f"its mode is {upright.mode}, and nothing says which of its values are black and white; save it with 8 or 16 bits")
    pixels = np.asarray(flat.convert("L" if channels == 1 else "RGB"), np.uint8)
    return pixels.reshape(*pixels.shape[:2], channels)


def _over_white(image: Image.Image) -> Image.Image:
    if image.mode in PREMULTIPLIED:
        image = image.convert(PREMULTIPLIED[image.mode])
    if not image.has_transparency_data:
        return image if image.mode in ("L", "RGB", "P") else image.convert("L" if image.mode == "1" else "RGB")
    white = Image.new("RGBA", image.size, "white")
    white.alpha_composite(image.convert("RGBA"))
    return white.convert("RGB")


def _high_bytes(image: Image.Image, inverted: bool) -> Pixels:
    values = np.asarray(image).astype(np.uint16)
    found = ((65535 - values if inverted else values) >> 8).astype(np.uint8)
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        found[values == transparent] = 255
    return found


def has_other_colours(image: Image.Image) -> bool:
    """Whether the picture says to be in other colours than sRGB: a viewer that heeds profiles shows it otherwise."""
    profile = image.info.get("icc_profile")
    return isinstance(profile, bytes) and bool(profile) and not _is_srgb(profile)


@lru_cache(maxsize=64)
def _is_srgb(profile: bytes) -> bool:
    try:
        described = ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(profile)))
    except (OSError, ImageCms.PyCMSError):
        return False
    return "srgb" in described.lower()
