"""The first samples of a trial, cut from the picture that its evaluation made: small enough for a page with many."""

from collections.abc import Iterable, Sequence
from io import BytesIO
from pathlib import Path

from sweeper.report.page import SampleGrid
from sweeper.visible import abridged, one_line

DRAWS = 3
"""Rows: samples of each label."""
_TILE = 64
"""Pixels: larger tiles are made smaller."""
_ABREAST, _MARGIN, _CAPTION = 2, 14, 20
"""Of pictures side by side: how many, and pixels between and above them."""
_BUDGET = 900_000
"""Bytes of all pictures of a page."""


def sample_grids(pictures: Iterable[tuple[str, int, Path]], variants: Sequence[str]) -> tuple[list[SampleGrid], str]:
    """Grids of (variant, training seed, picture), seed by seed and in the order of the variants, until the page is full; and which are
    left out, as a sentence. Seeds are shown whole: variants can be compared. A picture that cannot be read is left out.
    """
    by_seed: dict[int, dict[str, Path]] = {}
    for variant, seed, path in pictures:
        by_seed.setdefault(seed, {})[variant] = path
    grids: list[SampleGrid] = []
    used = 0
    for place, seed in enumerate(sorted(by_seed)):
        made = [_grid(variant, seed, by_seed[seed][variant]) for variant in variants if variant in by_seed[seed]]
        readable = [grid for grid in made if grid is not None]
        size = sum(len(grid.png) for grid in readable)
        if used + size > _BUDGET:
            return _cut(grids, readable, len(by_seed) - place)
        grids += readable
        used += size
    return grids, ""


def side_by_side(grids: Sequence[SampleGrid]) -> bytes:
    """One picture (PNG) of several grids, two beside each other, each under its variant's name."""
    from PIL import Image, ImageDraw, ImageFont

    images = [Image.open(BytesIO(grid.png)).convert("RGB") for grid in grids]
    width, height = max(image.width for image in images), max(image.height for image in images)
    rows = -(-len(images) // _ABREAST)
    canvas = Image.new("RGB", (_ABREAST * (width + _MARGIN) + _MARGIN, rows * (height + _CAPTION + _MARGIN) + _MARGIN), "white")
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(size=13)
    for place, (grid, image) in enumerate(zip(grids, images, strict=True)):
        left, top = _MARGIN + place % _ABREAST * (width + _MARGIN), _MARGIN + place // _ABREAST * (height + _CAPTION + _MARGIN)
        draw.text((left, top), abridged(one_line(grid.variant), 50), fill="black", font=font)
        canvas.paste(image, (left, top + _CAPTION))
    out = BytesIO()
    canvas.save(out, format="PNG", optimize=True)
    return out.getvalue()


def write_grids(grids: Sequence[SampleGrid], folder: Path) -> list[Path]:
    """A file for each training seed: its grids side by side."""
    written = []
    for seed in dict.fromkeys(grid.seed for grid in grids):
        path = folder / f"samples-seed-{seed}.png"
        path.write_bytes(side_by_side([grid for grid in grids if grid.seed == seed]))
        written.append(path)
    return written


def _cut(grids: list[SampleGrid], readable: list[SampleGrid], left: int) -> tuple[list[SampleGrid], str]:
    """The first seed alone is shown in part where it fills the page by itself."""
    if grids:
        return grids, f"Samples of {left} more training seeds are in their trials' folders."
    used = 0
    for grid in readable:
        used += len(grid.png)
        if used > _BUDGET:
            break
        grids.append(grid)
    return grids, f"Samples of {len(readable) - len(grids)} more variants are in their trials' folders."


def _grid(variant: str, seed: int, path: Path) -> SampleGrid | None:
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
