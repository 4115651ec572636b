"""Features of a frozen encoder, once for all trials: of the pictures of a data set, beside them, for REPA (2410.06940).

n pictures, T tokens, F width of the features.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from filelock import FileLock, Timeout

from model.config.availability import ensure_available
from model.config.encoded_features import FORMAT, EncodedFeatures, file_stem
from model.config.encoder import EncoderConfig
from model.data.block_arrays import PROCESSOR, BlockArrays, Journal
from model.data.latents import ensure_encoded_whole
from model.data.mapped import mapped, rows_at
from model.data.pictures import IMAGES, from_pixels, open_images
from model.errors import ConfigError, DataError
from model.whole_file import to_disk, whole_file

if TYPE_CHECKING:
    from model.block_processes import Spread

Say = Callable[[str], None]
__all__ = ["EncoderConfig", "Featured", "encode_features"]


@dataclass(frozen=True)
class Featured:
    """Features of which pictures, by which encoder."""

    folder: Path
    """With `images.npy`."""
    encoder: EncoderConfig
    name: str
    """Of the files: features-NAME.npy and features-NAME.json."""
    dtype: Literal["float16", "float32"] = "float32"
    """In float32 a trial on them is that on the pictures; in float16 they take half the disk, and differ from the fourth digit on."""
    device: str = "cpu"
    processes: int | None = 1
    """As of `Encoding`."""
    threads: int | None = None
    """As of `Encoding`."""


def encode_features(asked: Featured, say: Say) -> EncodedFeatures:
    """Writes them, or goes on where an earlier call was stopped; the file is the same, however often that was.

    Raises:
        ConfigError: The request means nothing.
        DataError: There are no pictures, the weights cannot be had, or the files are there already.
        OSError: What the system refuses: space, permissions.
    """
    ensure_available(asked.encoder)
    folder, stem = asked.folder, file_stem(asked.name)
    if not (folder / IMAGES).is_file():
        raise DataError(f"{folder} has no {IMAGES}; give a folder that sweeper data encode wrote with its pictures, or one that numpy did")
    ensure_encoded_whole(folder)
    if (folder / f"{stem}.json").exists():
        raise DataError(f"{folder} has {stem}.npy already, and it is whole; give another --name, or remove it and {stem}.json")
    from model.block_processes import crowded, spread_over

    spread = spread_over(asked.device, asked.processes, _threads_of(asked) if asked.threads is None else asked.threads)
    for remark in crowded(spread):
        say(remark)
    try:
        with FileLock(folder / f".{stem}.lock", timeout=0):
            return _encode(asked, stem, spread, say)
    except Timeout:
        raise DataError(f"another process writes {folder / stem}.npy; wait for it, or give another --name") from None


def _journal(folder: Path, stem: str, identity: dict[str, Any]) -> Journal:
    file = folder / f"encoding-{stem}.json"
    return Journal(file, identity, restart=f"remove {file} and {stem}.npy.part to begin anew", younger=frozenset({PROCESSOR, "block"}))


def _threads_of(asked: Featured) -> int | None:
    """Of what was begun; a journal that cannot be read is not looked at yet."""
    try:
        held = _journal(asked.folder, file_stem(asked.name), {}).held()
    except DataError:
        return None
    threads = held["identity"].get("threads") if held else None
    return threads if isinstance(threads, int) else None


def _encode(asked: Featured, stem: str, spread: "Spread", say: Say) -> EncodedFeatures:
    import torch

    from model.alignment.encoders import BLOCK, downloaded_weights, encoder_side, load_encoder
    from model.alignment.stored_features import rows_hash
    from model.block_work import Work, work_through
    from model.transfer import device_name

    config, device, array = asked.encoder, torch.device(spread.devices[0]), f"{stem}.npy"
    opened = open_images(asked.folder, len(mapped(asked.folder / IMAGES)))
    assert opened is not None, "the file is there"
    rows, named = opened
    side = encoder_side(config, rows.shape[1])
    encoder = load_encoder(config, side)
    cell = int(encoder.patch_embed.patch_size[0])  # type: ignore[union-attr, index]
    if side % cell:
        raise ConfigError(
            f"--resolution: {config.name} cuts an image into patches of {cell}, which {side} is no multiple of; give --resolution"
            f" {max(round(side / cell), 1) * cell}"
        )
    grid, width = side // cell, int(encoder.num_features)  # type: ignore[arg-type]
    shape, dtype = (len(rows), grid * grid, width), np.dtype(asked.dtype)
    downloaded = downloaded_weights(config, encoder)
    # What the numbers depend on.
    identity = {
        "encoder": config.name,
        "weights": config.weights_hash,
        "downloaded": downloaded,
        "side": side,
        "images": named,
        "dtype": asked.dtype,
        "device": asked.device,
        "threads": spread.threads if device.type == "cpu" else None,
        "block": BLOCK,
        PROCESSOR: device_name(device),
    }
    journal = _journal(asked.folder, stem, identity)
    if journal.held() is None and os.path.lexists(asked.folder / array):
        raise DataError(f"{asked.folder} has {array} already, and nothing says where it comes from; give another --name, or remove it")
    size = float(np.prod(shape, dtype=object)) * dtype.itemsize / 2**30
    say(f"{len(rows):,} pictures, seen at {side} x {side}, become {grid} x {grid} tokens of {width} each in {dtype}: {size:,.2f} GiB")
    arrays = journal.begin(asked.folder, {array: (shape, dtype)})
    job = _Features(asked, arrays, array, side, len(rows), downloaded)
    work = Work(job, lambda: job.with_loaded(encoder.to(device), device), len(rows), BLOCK)
    cost = work_through(work, arrays, journal, spread, say)
    about = EncodedFeatures(
        format=FORMAT,
        encoder=config.name,
        weights=config.weights,
        weights_hash=config.weights_hash,
        downloaded=downloaded,
        side=side,
        images_hash=named,
        shape=shape,
        dtype=asked.dtype,
        device=device_name(device),
        sha256=arrays.hashes()[array],
        rows_hash=rows_hash(mapped(arrays.existing(array))),
        versions={name: version(name) for name in ("torch", "timm", "numpy")},
    )
    arrays.name_files()
    with whole_file(asked.folder / f"{stem}.json") as beside:
        beside.write_text(about.model_dump_json(indent=1), encoding="utf-8")
        to_disk(beside)
    to_disk(asked.folder)
    journal.file.unlink(missing_ok=True)
    say(f"{asked.folder / array}; {cost.in_words(device)}")
    return about


@dataclass(frozen=True)
class _Features:
    """The encoding of blocks of pictures, in this process or in another."""

    asked: Featured
    arrays: BlockArrays
    array: str
    """The file's name."""
    side: int
    total: int
    downloaded: str

    def begin(self, device: str) -> Callable[[int], None]:
        """Loads the encoder, which is not handed over."""
        from model.alignment.encoders import downloaded_weights, load_encoder
        from model.transfer import device_of

        place, encoder = device_of(device), load_encoder(self.asked.encoder, self.side)
        if downloaded_weights(self.asked.encoder, encoder) != self.downloaded:
            raise DataError(f"the pretrained weights of {self.asked.encoder.name} were replaced meanwhile; give the command again")
        return self.with_loaded(encoder.to(place), place)

    def with_loaded(self, encoder: Any, device: Any) -> Callable[[int], None]:
        """See `model.block_processes.Job`."""
        from model.alignment.encoders import BLOCK, encode

        rows = mapped(self.asked.folder / IMAGES)

        def write(block: int) -> None:
            first, last = block * BLOCK, min((block + 1) * BLOCK, self.total)
            images = from_pixels(rows_at(rows, np.arange(first, last)), device)
            features = encode(encoder, images, self.side).cpu().numpy().astype(self.asked.dtype)
            if not np.isfinite(features).all():
                raise DataError(
                    f"features of pictures {first} to {last - 1} are not finite as {self.asked.dtype}; take --dtype float32, or other"
                    " weights"
                )
            self.arrays.write(first, {self.array: features})

        return write
