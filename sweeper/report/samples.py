"""The first samples of a trial, cut from the picture that its evaluation made: small enough for a page with many."""

from collections.abc import Iterable, Sequence
from io import BytesIO
from pathlib import Path

from sweeper.report.story import SampleGrid
from sweeper.visible import abridged, one_line

DRAWS = 3
"""Rows: samples of each label."""
_TILE = 64
"""Pixels: larger tiles are made smaller."""
_ABREAST, _MARGIN, _CAPTION = 2, 14, 20
"""Of pictures side by side: how many, and pixels between and above them."""
_BUDGET = 900_000
"""Bytes of all pictures of a page."""


def strips_of(pictures: Iterable[tuple[str, int, Path]], variants: Sequence[str]) -> tuple[list[SampleGrid], str]:
    """Strips of (variant, training seed, picture), seed by seed and in the order of the variants, until the page is full; and which are
    left out, as a sentence. Seeds are shown whole: variants can be compared. A picture that cannot be read is left out.
    """
    by_seed: dict[int, dict[str, Path]] = {}
    for variant, seed, path in pictures:
        by_seed.setdefault(seed, {})[variant] = path
    strips: list[SampleGrid] = []
    used = 0
    for place, seed in enumerate(sorted(by_seed)):
        made = [_strip(variant, seed, by_seed[seed][variant]) for variant in variants if variant in by_seed[seed]]
        readable = [strip for strip in made if strip is not None]
        size = sum(len(strip.png) for strip in readable)
        if used + size > _BUDGET:
            return _cut(strips, readable, len(by_seed) - place)
        strips += readable
        used += size
    return strips, ""


def side_by_side(strips: Sequence[SampleGrid]) -> bytes:
    """One picture (PNG) of several strips, two beside each other, each under its variant's name."""
    from PIL import Image, ImageDraw, ImageFont

    images = [Image.open(BytesIO(strip.png)).convert("RGB") for strip in strips]
    width, height = max(image.width for image in images), max(image.height for image in images)
    rows = -(-len(images) // _ABREAST)
    canvas = Image.new("RGB", (_ABREAST * (width + _MARGIN) + _MARGIN, rows * (height + _CAPTION + _MARGIN) + _MARGIN), "white")
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(size=13)
    for place, (strip, image) in enumerate(zip(strips, images, strict=True)):
        left, top = _MARGIN + place % _ABREAST * (width + _MARGIN), _MARGIN + place // _ABREAST * (height + _CAPTION + _MARGIN)
        draw.text((left, top), abridged(one_line(strip.variant), 50), fill="black", font=font)
        canvas.paste(image, (left, top + _CAPTION))
    out = BytesIO()
    canvas.save(out, format="PNG", optimize=True)
    return out.getvalue()


def _cut(strips: list[SampleGrid], readable: list[SampleGrid], left: int) -> tuple[list[SampleGrid], str]:
    """The first seed alone is shown in part where it fills the page by itself."""
    if strips:
        return strips, f"Samples of {left} more training seeds are in their trials' folders."
    used = 0
    for strip in readable:
        used += len(strip.png)
        if used > _BUDGET:
            break
        strips.append(strip)
    return strips, f"Samples of {len(readable) - len(strips)} more variants are in their trials' folders."


def _strip(variant: str, seed: int, path: Path) -> SampleGrid | None:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as picture:
            image: Image.Image = picture.copy()
            words = dict(picture.info)
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError):
        return None
    columns, gap, above = (_whole(words.get(f"sweeper:{name}")) for name in ("columns", "gap", "above"))
    if columns:
        side = (image.width - gap) // columns
        image = image.crop((0, 0, image.width, min(image.height, above + gap + DRAWS * side)))
        if side - gap > _TILE:
            share = _TILE / side
            image = image.resize((round(image.width * share), round(image.height * share)), Image.Resampling.LANCZOS)
    else:
        image.thumbnail((_TILE * 10, _TILE * 10))
    out = BytesIO()
    image.save(out, format="PNG", optimize=True)
    return SampleGrid(variant, seed, out.getvalue(), columns)


def _whole(value: object) -> int:
    return int(value) if isinstance(value, str) and value.isdecimal() and len(value) < 5 else 0
