"""From pictures of any size to squares of one side."""

from typing import Literal

from PIL import Image

Crop = Literal["adm", "center", "none"]


def cropped(image: Image.Image, side: int, crop: Crop) -> Image.Image:
    """A square of `side` pixels.

    Args:
        image: In RGB, upright.
        side: Of the square.
        crop: `adm`: halved by a box filter while twice the side fits, then bicubic until the shorter side is `side`, then the centre
            (2105.05233, `center_crop_arr` of its released code; also DiT's and SiT's). `center`: the centre as it is. `none`: as it is.

    Raises:
        ValueError: The picture is too small for its centre, or, with `none`, of another size; says which.
    """
    if crop == "adm":
        while min(image.size) >= 2 * side:
            image = image.resize((image.width // 2, image.height // 2), resample=Image.Resampling.BOX)
        scale = side / min(image.size)
        image = image.resize((round(image.width * scale), round(image.height * scale)), resample=Image.Resampling.BICUBIC)
    elif crop == "center" and min(image.size) < side:
        raise ValueError(f"it is {image.width} x {image.height} pixels, smaller than {side}; take --crop adm, which enlarges")
    elif crop == "none" and image.size != (side, side):
        raise ValueError(f"it is {image.width} x {image.height} pixels, not {side} x {side}; take --crop adm or center")
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return image.crop((left, top, left + side, top + side))
