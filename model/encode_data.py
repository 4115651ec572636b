"""Pictures in, latents out: a data set is encoded once, and then trained on.

The folder is whole once it has a `dataset.json`. Until then its arrays have other names, and a journal says which pictures are done.
"""

import hashlib
import json
import os
import resource
import time
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
from model.data.crop import Crop
from model.data.encode_source import open_source
from model.data.latents import LABELS, LEAST_SPREAD, MOMENTS, MOST_SPREAD, PART, UNFINISHED
from model.data.picture_source import ALL, Choice, HubName, Source, named_source
from model.data.pictures import IMAGES, from_pixels
from model.errors import ConfigError, DataError
from model.whole_file import to_disk, whole_file

if TYPE_CHECKING:
    from model.autoencoder import Autoencoder

SHOWN = 64
"""Pictures that are decoded again at the end."""
SAY_SECONDS, NOTE_SECONDS = 5.0, 2.0
"""Between two lines of progress, and between two entries of the journal: what was done since is done again."""
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
    from model.transfer import device_of

    source = open_source(asked.source, asked.side, asked.crop, skip_broken=asked.skip_broken, choice=asked.choice)
    for remark in source.remarks:
        say(f"pictures: {remark}")
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
            return _encode(asked, source, autoencoder, device, say)
    except Timeout:
        raise DataError(f"another process encodes into {asked.output}; wait for it, or give another folder") from None


def _encode(asked: Encoding, source: Source, autoencoder: "Autoencoder", device: Any, say: Say) -> EncodedData:
    arrays = _Arrays(asked, source, autoencoder)
    _write_all(asked, source, autoencoder, arrays, device, say)
    _check(asked, source, autoencoder, arrays, device, say)
    found = _about(asked, source, autoencoder, arrays)
    arrays.finish(found)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    say(f"{found.images:,} latents in {asked.output}; the process took at most {peak:,.0f} MiB of memory")
    return found


class _Arrays:
    """The arrays while they are written, row by row, and the journal of what is done."""

    def __init__(self, asked: Encoding, source: Source, autoencoder: "Autoencoder") -> None:
        self.folder, self.count = asked.output, len(source.labels) * (2 if asked.flip else 1)
        cells = asked.side // autoencoder.factor
        self.shapes: dict[str, tuple[tuple[int, ...], Any]] = {
            MOMENTS: ((self.count, 2 * autoencoder.channels, cells, cells), np.dtype(asked.dtype)),
            **({IMAGES: ((self.count, asked.side, asked.side, 3), np.dtype(np.uint8))} if asked.images else {}),
        }
        self.labels = source.labels.repeat(2) if asked.flip else source.labels
        self._begins: dict[str, int] = {}
        self._row = {name: int(np.prod(shape[1:])) * dtype.itemsize for name, (shape, dtype) in self.shapes.items()}
        # What the numbers depend on; the journal of another request is refused.
        self.identity = {
            "source": source.named,
            "autoencoder": autoencoder.name,
            "side": asked.side,
            "crop": asked.crop,
            "flip": asked.flip,
            "images": asked.images,
            "batch": asked.batch,
            "dtype": asked.dtype,
            "device": asked.device,
        }
        self.done = self._begun()

    def _part(self, name: str) -> Path:
        return self.folder / f"{name}{PART}"

    def _begun(self) -> int:
        """Pictures of the source that are done; makes the files where there are none."""
        journal = self.folder / UNFINISHED
        if journal.exists():
            try:
                held = json.loads(journal.read_text(encoding="utf-8"))
                identity, done = held["identity"], int(held["done"])
            except (OSError, ValueError, KeyError, TypeError) as error:
                raise DataError(f"{journal} cannot be read ({error}); remove {self.folder}, and encode again") from error
            if different := sorted(name for name in self.identity if identity.get(name) != self.identity[name]):
                raise DataError(
                    f"{self.folder} was begun with another {different[0]} ({identity.get(different[0])}, now"
                    f" {self.identity[different[0]]}); give the same command again, or another folder"
                )
        elif taken := next((name for name in (MOMENTS, LABELS, IMAGES) if os.path.lexists(self.folder / name)), None):
            raise DataError(f"{self.folder} has {taken} already, and nothing says where it comes from; give another folder")
        else:
            done = 0
            for name, (shape, dtype) in self.shapes.items():
                with self._part(name).open("wb") as file:
                    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
                    np.lib.format.write_array_header_1_0(file, header)
                    os.fsync(file.fileno())
            self.note(0)
        for name in self.shapes:
            with self._existing(name).open("rb") as file:
                np.lib.format.read_magic(file)
                np.lib.format.read_array_header_1_0(file)
                self._begins[name] = file.tell()
        return done

    def _existing(self, name: str) -> Path:
        """A run that was stopped while it gave the files their names has given some."""
        return self._part(name) if self._part(name).exists() else self.folder / name

    def write(self, first: int, rows: dict[str, Any]) -> None:
        """Rows of every array from row `first` on. Not by a map: on a full disk that would be a signal, not an error."""
        for name, values in rows.items():
            with self._existing(name).open("r+b") as file:
                file.seek(self._begins[name] + first * self._row[name])
                file.write(np.ascontiguousarray(values).data)

    def note(self, done: int) -> None:
        """In the journal, once the rows are on the disk."""
        for name in self.shapes:
            to_disk(self._existing(name))
        with whole_file(self.folder / UNFINISHED) as beside:
            beside.write_text(json.dumps({"identity": self.identity, "done": done}), encoding="utf-8")
            to_disk(beside)

    def rows(self, name: str, places: Any) -> Any:
        shape, dtype = self.shapes[name]
        held = np.memmap(self._existing(name), dtype=dtype, mode="r", offset=self._begins[name], shape=shape)
        return np.array(held[places])

    def hashes(self) -> dict[str, str]:
        with whole_file(self.folder / LABELS) as beside, beside.open("wb") as file:
            np.save(file, self.labels)
            file.flush()
            os.fsync(file.fileno())
        found = {}
        for name in (*self.shapes, LABELS):
            with self._existing(name).open("rb") as file:
                found[name] = hashlib.file_digest(file, "sha256").hexdigest()
        return found

    def finish(self, about: EncodedData) -> None:
        """Gives the arrays their names, and last of all the folder its `dataset.json`."""
        for name in self.shapes:
            if self._part(name).exists():
                self._part(name).replace(self.folder / name)
        with whole_file(self.folder / FILE) as beside:
            beside.write_text(about.model_dump_json(indent=1), encoding="utf-8")
            to_disk(beside)
        to_disk(self.folder)
        (self.folder / UNFINISHED).unlink(missing_ok=True)


def _write_all(asked: Encoding, source: Source, autoencoder: "Autoencoder", arrays: _Arrays, device: Any, say: Say) -> None:
    total, begun, started = len(source.labels), arrays.done, time.monotonic()
    noted = said = started
    if begun:
        say(f"{begun:,} of {total:,} pictures are done; going on")
    for first in range(begun, total, asked.batch):
        last = min(first + asked.batch, total)
        pictures = np.stack([source.read(place) for place in range(first, last)])
        if asked.flip:
            pictures = np.stack([pictures, pictures[:, :, ::-1]], axis=1).reshape(-1, *pictures.shape[1:])
        moments = autoencoder.encode(from_pixels(pictures, device)).cpu().numpy().astype(asked.dtype)
        if not np.isfinite(moments).all():
            raise DataError(
                f"latents of pictures {first} to {last - 1} are not finite as {asked.dtype}; take --dtype float32, or another autoencoder"
            )
        rows = {MOMENTS: moments, **({IMAGES: pictures} if asked.images else {})}
        arrays.write(first * (2 if asked.flip else 1), rows)
        now = time.monotonic()
        if now - noted > NOTE_SECONDS or last == total:
            arrays.note(last)
            noted = now
        if now - said > SAY_SECONDS or last == total:
            rate, said = (last - begun) / max(now - started, 1e-9), now
            say(f"{last:,} of {total:,} pictures, {rate:,.1f} pictures/s, {_in_words((total - last) / rate)} left")


def _check(asked: Encoding, source: Source, autoencoder: "Autoencoder", arrays: _Arrays, device: Any, say: Say) -> None:
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


def _about(asked: Encoding, source: Source, autoencoder: "Autoencoder", arrays: _Arrays) -> EncodedData:
    by = EncodedBy(kind=asked.autoencoder.kind, weights=asked.autoencoder.weights, weights_hash=autoencoder.name)
    return EncodedData(
        format=FORMAT,
        images=arrays.count,
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
        arrays=arrays.hashes(),
        left_out=source.left_out,
        versions={name: version(name) for name in ("torch", "diffusers", "pillow", "numpy")},
    )


def _in_words(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
