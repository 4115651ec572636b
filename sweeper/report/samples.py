"""The first samples of a trial, cut from the picture that its evaluation made: small enough for a page with many."""

from collections.abc import Iterable, Sequence
from io import BytesIO
from pathlib import Path

from sweeper.report.story import Strip

DRAWS = 3
"""Rows: samples of each label."""
_TILE = 64
"""Pixels: larger tiles are made smaller."""
_BUDGET = 900_000
"""Bytes of all pictures of a page."""


def strips_of(pictures: Iterable[tuple[str, int, Path]], variants: Sequence[str]) -> tuple[list[Strip], str]:
    """Strips of (variant, training seed, picture), seed by seed and in the order of the variants, until the page is full; and which are
    left out, as a sentence. Seeds are shown whole: variants can be compared. A picture that cannot be read is left out.
    """
    by_seed: dict[int, dict[str, Path]] = {}
    for variant, seed, path in pictures:
        by_seed.setdefault(seed, {})[variant] = path
    strips: list[Strip] = []
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


def _cut(strips: list[Strip], readable: list[Strip], left: int) -> tuple[list[Strip], str]:
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


def _strip(variant: str, seed: int, path: Path) -> Strip | None:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as picture:
            image: Image.Image = picture.copy()
            words = dict(picture.info)
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError):
        return None
    columns, gap = (_whole(words.get(name)) for name in ("sweeper:columns", "sweeper:gap"))
    if columns:
        side = (image.width - gap) // columns
        image = image.crop((0, 0, image.width, min(image.height, gap + DRAWS * side)))
        if side - gap > _TILE:
            share = _TILE / side
            image = image.resize((round(image.width * share), round(image.height * share)), Image.Resampling.LANCZOS)
    else:
        image.thumbnail((_TILE * 10, _TILE * 10))
    out = BytesIO()
    image.save(out, format="PNG", optimize=True)
    return Strip(variant, seed, out.getvalue(), columns)


def _whole(value: object) -> int:
    return int(value) if isinstance(value, str) and value.isdecimal() and len(value) < 5 else 0
