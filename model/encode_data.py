"""Pictures in, latents out: a data set is encoded once, and then trained on.

The folder is whole once it has a `dataset.json`. Until then its arrays have other names, and a journal says which pictures are done.
"""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from filelock import FileLock, Timeout

from model.config.autoencoder import AutoencoderConfig
from model.config.availability import ensure_available
from model.config.encoded_data import FILE, FORMAT, EncodedBy, EncodedData
from model.data.block_arrays import PROCESSOR, BlockArrays, Journal
from model.data.crop import Crop
from model.data.encode_source import open_source
from model.data.latents import LABELS, LEAST_SPREAD, MOMENTS, MOST_SPREAD, UNFINISHED
from model.data.picture_source import ALL, Choice, HubName, Labels, Pixels, Source, named_source
from model.data.pictures import IMAGES, from_pixels
from model.errors import ConfigError, DataError
from model.whole_file import to_disk, whole_file

if TYPE_CHECKING:
    from model.autoencoder import Autoencoder
    from model.block_processes import Spread

SHOWN = 64
"""Pictures that are decoded again at the end."""
Say = Callable[[str], None]
__all__ = ["Choice", "Encoding", "encode_data", "named_source"]


@dataclass(frozen=True)
class Encoding:
    """What is encoded, how, and where it goes."""

    source: Path | HubName
    output: Path
    autoencoder: AutoencoderConfig
    side: int
    """Of a picture, in pixels."""
    crop: Crop = "adm"
    flip: bool = False
    images: bool = True
    """Keep the pictures too: metrics and REPA look at them."""
    skip_broken: bool = False
    batch: int = 32
    """Pictures encoded together: a part of the result, whose last digits depend on it."""
    device: str = "cpu"
    dtype: Literal["float16", "float32"] = "float16"
    choice: Choice = ALL
    """Which part of the source."""
    processes: int | None = 1
    """That encode at the same time, each on a GPU of its own where there are GPUs; None: one for each GPU. No part of the result."""
    threads: int | None = None
    """Of each process on a CPU: a part of the result, whose last digits depend on it. None: as many as torch takes by itself, or as the
    folder was begun with."""


def encode_data(asked: Encoding, say: Say) -> EncodedData:
    """Encodes, or goes on where an earlier call was stopped; the files are the same, however often that was.

    Raises:
        ConfigError: The request means nothing.
        DataError: The pictures cannot be read, or `output` holds something else.
        OSError: What the system refuses: space, permissions.
    """
    ensure_available(asked.autoencoder)
    if asked.batch < 1 or asked.side < 1:
        raise ConfigError(f"--batch and --resolution are at least 1, not {asked.batch} and {asked.side}")
    if (asked.output / FILE).exists():
        raise DataError(f"{asked.output} has {FILE} already: it is whole; give another folder, or remove this one")
    from model.autoencoder import load_autoencoder
    from model.block_processes import crowded, spread_over
    from model.transfer import device_of

    spread = spread_over(asked.device, asked.processes, _threads_of(asked) if asked.threads is None else asked.threads)
    source = open_source(asked.source, asked.side, asked.crop, skip_broken=asked.skip_broken, choice=asked.choice)
    for remark in (*(f"pictures: {remark}" for remark in source.remarks), *crowded(spread)):
        say(remark)
    device = device_of(asked.device)
    autoencoder = load_autoencoder(asked.autoencoder, device)
    if asked.side % autoencoder.factor:
        raise ConfigError(
            f"--resolution {asked.side} is no multiple of {autoencoder.factor}, the pixels that a latent cell of"
            f" {asked.autoencoder.weights} is wide; choose one"
        )
    asked.output.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(asked.output / ".lock", timeout=0):
            return _encode(asked, source, autoencoder, spread, say)
    except Timeout:
        raise DataError(f"another process encodes into {asked.output}; wait for it, or give another folder") from None


def _threads_of(asked: Encoding) -> int | None:
    """Of a folder that was begun; a journal that cannot be read is not looked at yet."""
    try:
        held = _journal(asked.output, {}).held()
    except DataError:
        return None
    threads = held["identity"].get("threads") if held else None
    return threads if isinstance(threads, int) else None


def _journal(folder: Path, identity: dict[str, Any]) -> Journal:
    return Journal(folder / UNFINISHED, identity, restart=f"remove {folder} to begin anew", younger=frozenset({"threads", PROCESSOR}))


def _encode(asked: Encoding, source: Source, autoencoder: "Autoencoder", spread: "Spread", say: Say) -> EncodedData:
    import torch

    from model.block_work import Work, work_through
    from model.transfer import device_name

    device, step, cells = torch.device(spread.devices[0]), 2 if asked.flip else 1, asked.side // autoencoder.factor
    count, total = len(source.labels) * step, len(source.labels)
    shapes: dict[str, tuple[tuple[int, ...], Any]] = {
        MOMENTS: ((count, 2 * autoencoder.channels, cells, cells), np.dtype(asked.dtype)),
        **({IMAGES: ((count, asked.side, asked.side, 3), np.dtype(np.uint8))} if asked.images else {}),
    }
    # What the numbers depend on.
    identity = {
        "source": source.named,
        "autoencoder": autoencoder.name,
        "side": asked.side,
        "crop": asked.crop,
        "flip": asked.flip,
        "images": asked.images,
        "batch": asked.batch,
        "dtype": asked.dtype,
        "device": asked.device,
        "threads": spread.threads if device.type == "cpu" else None,
        PROCESSOR: device_name(device),
    }
    journal = _journal(asked.output, identity)
    names = (MOMENTS, LABELS, IMAGES)
    if journal.held() is None and (taken := next((name for name in names if os.path.lexists(asked.output / name)), None)):
        raise DataError(f"{asked.output} has {taken} already, and nothing says where it comes from; give another folder")
    arrays = journal.begin(asked.output, shapes)
    job = _Encoder(asked, arrays, source.listed or source.named, source.kept, total, autoencoder.name)
    work = Work(job, lambda: job.with_loaded(source.read, autoencoder, device), total, asked.batch)
    cost = work_through(work, arrays, journal, spread, say)
    _check(asked, source, autoencoder, arrays, device, say)
    found = _about(asked, source, autoencoder, _with_labels(arrays, source.labels.repeat(step)), count)
    arrays.name_files()
    with whole_file(asked.output / FILE) as beside:
        beside.write_text(found.model_dump_json(indent=1), encoding="utf-8")
        to_disk(beside)
    to_disk(asked.output)
    journal.file.unlink(missing_ok=True)
    say(f"{found.images:,} latents in {asked.output}; {cost.in_words(device)}")
    return found


@dataclass(frozen=True)
class _Encoder:
    """The encoding of blocks of pictures, in this process or in another."""

    asked: Encoding
    arrays: BlockArrays
    named: str
    """Of the source, with what was left out."""
    kept: Labels | None
    """As the source says."""
    total: int
    autoencoder: str
    """Name of its weights."""

    def begin(self, device: str) -> Callable[[int], None]:
        """Opens the source and loads the autoencoder, which cannot be handed over."""
        from model.autoencoder import load_autoencoder
        from model.transfer import device_of

        asked, place = self.asked, device_of(device)
        source = open_source(asked.source, asked.side, asked.crop, skip_broken=False, choice=asked.choice)
        if source.named != self.named:
            raise DataError(f"{asked.source} was changed while it was encoded; give the command again")
        autoencoder = load_autoencoder(asked.autoencoder, place)
        if autoencoder.name != self.autoencoder:
            raise DataError(f"{asked.autoencoder.weights} was changed while it encoded; give the command again")
        kept = self.kept  # they are not all read once more
        read = source.read if kept is None else lambda number: source.read(int(kept[number]))
        return self.with_loaded(read, autoencoder, place)

    def with_loaded(self, read: Callable[[int], Pixels], autoencoder: "Autoencoder", device: Any) -> Callable[[int], None]:
        """See `model.block_processes.Job`."""
        asked = self.asked

        def encode(block: int) -> None:
            first, last = block * asked.batch, min((block + 1) * asked.batch, self.total)
            pictures = np.stack([read(place) for place in range(first, last)])
            if asked.flip:
                pictures = np.stack([pictures, pictures[:, :, ::-1]], axis=1).reshape(-1, *pictures.shape[1:])
            moments = autoencoder.encode(from_pixels(pictures, device)).cpu().numpy().astype(asked.dtype)
            if not np.isfinite(moments).all():
                raise DataError(
                    f"latents of pictures {first} to {last - 1} are not finite as {asked.dtype}; take --dtype float32, or another"
                    " autoencoder"
                )
            self.arrays.write(first * (2 if asked.flip else 1), {MOMENTS: moments, **({IMAGES: pictures} if asked.images else {})})

        return encode


def _with_labels(arrays: BlockArrays, labels: Labels) -> dict[str, str]:
    """Writes the labels; SHA-256 of all arrays."""
    path = arrays.folder / LABELS
    with whole_file(path) as beside, beside.open("wb") as file:
        np.save(file, labels)
        file.flush()
        os.fsync(file.fileno())
    with path.open("rb") as file:
        return arrays.hashes() | {LABELS: hashlib.file_digest(file, "sha256").hexdigest()}


def _check(asked: Encoding, source: Source, autoencoder: "Autoencoder", arrays: BlockArrays, device: Any, say: Say) -> None:
    """Decodes some latents again, so that a wrong autoencoder, range or scale is seen at once."""
    import torch

    from model.autoencoder import scaled

    step = 2 if asked.flip else 1
    places = np.unique(np.linspace(0, len(source.labels) - 1, min(SHOWN, len(source.labels))).round().astype(np.int64))
    real = from_pixels(np.stack([source.read(int(place)) for place in places]), device)
    moments = torch.from_numpy(arrays.rows(MOMENTS, places * step)).float().to(device)
    mean, std = moments.chunk(2, dim=1)
    again = torch.cat([autoencoder.decode(part).clamp(-1, 1) for part in torch.split(mean, asked.batch)])
    error = ((again - real) ** 2).mean().item()
    ratio = 10 * np.log10(4 / max(error, 1e-12))  # values span 2
    say(f"{len(places)} pictures decoded again: PSNR {ratio:.1f} dB; Stable Diffusion's autoencoder has about 26 at 256 x 256")
    latents = scaled(mean, autoencoder.scale, autoencoder.shift)
    noise = scaled(mean + std, autoencoder.scale, autoencoder.shift) - latents
    spread = (latents.var(dim=(0, 2, 3)).mean() + (noise**2).mean()).sqrt().item()
    usual = LEAST_SPREAD <= spread <= MOST_SPREAD
    say(
        f"their latents, scaled, have a standard deviation of {spread:.2f}"
        + ("" if usual else f", far from the 1 of the noise: set data.scale (now {autoencoder.scale}) when you train, or data.spread: any")
    )


def _about(asked: Encoding, source: Source, autoencoder: "Autoencoder", hashes: dict[str, str], count: int) -> EncodedData:
    by = EncodedBy(kind=asked.autoencoder.kind, weights=asked.autoencoder.weights, weights_hash=autoencoder.name)
    return EncodedData(
        format=FORMAT,
        images=count,
        class_names=source.class_names,
        classes=source.classes,
        channels=autoencoder.channels,
        resolution=asked.side // autoencoder.factor,
        picture_side=asked.side,
        crop=asked.crop,
        flip=asked.flip,
        source=f"{asked.source} ({source.part})" if source.part else str(asked.source),
        source_hash=source.named,
        autoencoder=by,
        scale=autoencoder.scale,
        shift=autoencoder.shift,
        dtype=asked.dtype,
        arrays=hashes,
        left_out=source.left_out,
        versions={name: version(name) for name in ("torch", "diffusers", "pillow", "numpy")},
    )
