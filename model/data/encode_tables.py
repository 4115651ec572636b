"""Pictures of tables, read by `datasets`: parquet, what `save_to_disk` wrote, the Hugging Face hub. Rows are read from a memory map."""

import bisect
import glob
import io
import itertools
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from model.config.availability import ensure_datasets
from model.data.images import content_hash, shown_name
from model.data.labels import known_labels
from model.data.picture_source import Choice, Entries, HubName, Pixels, Square, broken
from model.data.shards import choose_split, of_split
from model.data.table_columns import Columns, columns_of
from model.errors import ConfigError, DataError
from model.plain_files import ensure_plain

STATE, SPLITS = "state.json", "dataset_dict.json"
"""What `save_to_disk` writes beside a data set, and beside the folders of its splits."""


def is_saved(path: Path) -> bool:
    """Whether `save_to_disk` wrote the folder."""
    return os.path.isfile(path / STATE) or os.path.isfile(path / SPLITS)


def of_parquet(path: Path, files: tuple[Path, ...], square: Square, choice: Choice) -> Entries:
    """The rows of parquet files. `datasets` writes the two columns into its cache, once, as a table that can be mapped into memory.

    Raises:
        ConfigError: An option chooses what is not there, or `datasets` is not installed.
        DataError: A file is torn, or its columns are none of pictures and labels.
    """
    choice.ensure_meant(str(path), "split", "image_column", "label_column")
    datasets = import_datasets(str(path))
    shards = of_split(path, files, choice.split)
    import pyarrow.dataset
    import pyarrow.parquet

    rows, content = [], []
    for file in shards.files:
        try:
            size = ensure_plain(file).st_size
            about = pyarrow.parquet.read_metadata(file)
            rows.append(about.num_rows)
            if file == shards.files[0]:
                features = datasets.Features.from_arrow_schema(about.schema.to_arrow_schema())
            content += [os.fsencode(file.name), str(size).encode(), _footer(file)]
        except Exception as error:  # of pyarrow's many
            raise DataError(f"{file} cannot be read as parquet ({_said(error)}); write or copy it again") from error
    if not sum(rows):
        raise DataError(f"{path} has no rows; give a data set with pictures")
    columns = columns_of(str(path), features, choice.image_column, choice.label_column)

    def load() -> Any:
        patterns = [glob.escape(str(file)) for file in shards.files]  # it would take [ and * in a name for a pattern
        builder = datasets.load_dataset_builder(
            "parquet",
            data_files={"train": patterns},
            columns=[columns.image, columns.label],
            # Or a file is held whole in memory while it is copied.
            fragment_scan_options=pyarrow.dataset.ParquetFragmentScanOptions(use_buffered_stream=True, pre_buffer=False),
        )
        builder.download_and_prepare()
        return builder.as_dataset(split="train", in_memory=False)

    ends = list(itertools.accumulate(rows))

    def shown(place: int) -> str:
        file = bisect.bisect_right(ends, place)
        return f"{shards.files[file].name}: row {place - (ends[file - 1] if file else 0)}"

    cache = datasets.config.HF_DATASETS_CACHE
    remedy = f"mend the files, or make space in {cache}, where a copy of the two columns goes (HF_DATASETS_CACHE says where)"
    found = _loaded(str(path), load, remedy)
    if len(found) != sum(rows):
        raise DataError(f"{path} was changed while it was read; give the command again")
    folder = path if os.path.isdir(path) else path.parent
    return _of_rows(found, str(path), str(folder) + os.sep, shown, columns, square, tuple(content), shards.remarks, shards.part)


def of_saved(path: Path, square: Square, choice: Choice) -> Entries:
    """The rows of what `save_to_disk` wrote, where they lie.

    Raises:
        ConfigError: An option chooses what is not there, or `datasets` is not installed.
        DataError: The folder is torn, or its columns are none of pictures and labels.
    """
    choice.ensure_meant(str(path), "split", "image_column", "label_column")
    datasets = import_datasets(str(path))
    remedy, split = "save it again", None
    if os.path.isfile(path / SPLITS):
        splits = _loaded(str(path / SPLITS), lambda: tuple(map(str, json.loads((path / SPLITS).read_text("utf-8"))["splits"])), remedy)
        split = choose_split(str(path), splits, choice.split)
    elif choice.split is not None:
        choose_split(str(path), (), choice.split)
    folder = path / split if split else path
    found = _loaded(str(folder), lambda: datasets.load_from_disk(str(folder), keep_in_memory=False), remedy)
    columns = columns_of(str(path), found.features, choice.image_column, choice.label_column)
    files = [Path(file["filename"]) for file in found.cache_files]
    content = [part for file in files for part in (os.fsencode(file.name), str(file.stat().st_size).encode())]
    part = f"split {split}" if split else ""
    return _of_rows(found, str(folder), f"{folder}: ", _row, columns, square, (*content, found._fingerprint.encode()), (), part)


def of_hub(hub: HubName, square: Square, choice: Choice) -> Entries:
    """The rows of a data set on the hub; `datasets` keeps a copy in its cache, and without a network reads that.

    Raises:
        ConfigError: An option chooses what is not there, or `datasets` is not installed.
        DataError: It cannot be had, or its columns are none of pictures and labels.
    """
    datasets = import_datasets(str(hub))
    if os.path.isdir(hub.name):
        raise ConfigError(f"{hub}: there is a folder {hub.name} here, which `datasets` would read instead; give that, or go elsewhere")
    cache = datasets.config.HF_DATASETS_CACHE
    remedy = (
        f"look at the name, the network (HF_HUB_OFFLINE, HF_TOKEN), the --subset and the space in {cache}; or download its parquet files"
        " elsewhere and give their folder"
    )
    builder = _loaded(str(hub), lambda: datasets.load_dataset_builder(hub.name, choice.subset, revision=hub.revision), remedy)
    revision = str(builder.hash or "")
    remarks: tuple[str, ...] = ()
    if type(builder).__module__ == "datasets.packaged_modules.cache.cache":  # which looks at no revision
        if hub.revision not in (None, revision):
            raise DataError(
                f"{hub}: the hub is not reached, and {cache} holds the revision {revision}; connect, or ask for {hub.name}@{revision}"
            )
        remarks = (f"the hub is not reached; the copy in {cache}, of revision {revision}, is read",)
    if builder.info.splits:
        choose_split(str(hub), tuple(builder.info.splits), choice.split)
    _loaded(str(hub), builder.download_and_prepare, remedy)
    split = choose_split(str(hub), tuple(builder.info.splits or ()), choice.split)
    if split is None:
        raise DataError(f"{hub} has no splits; give another data set")
    found = _loaded(str(hub), lambda: builder.as_dataset(split=split, in_memory=False), remedy)
    columns = columns_of(str(hub), found.features, choice.image_column, choice.label_column)
    content = tuple(part.encode() for part in (hub.name, revision, choice.subset or "", split))
    part = ", ".join(filter(None, (f"subset {choice.subset}" if choice.subset else "", f"split {split}", f"revision {revision}")))
    return _of_rows(found, str(hub), f"{hub}: ", _row, columns, square, content, remarks, part)


def _of_rows(
    found: Any,
    place: str,
    before: str,
    shown: Callable[[int], str],
    columns: Columns,
    square: Square,
    content: tuple[bytes, ...],
    remarks: tuple[str, ...],
    part: str,
) -> Entries:
    datasets = import_datasets(place)
    if not len(found):
        raise DataError(f"{place} has no rows; give a data set with pictures")
    table = found.with_format("arrow").select_columns([columns.label])[:][columns.label]
    if table.null_count:
        empty = int(np.argmax(table.is_null().to_numpy()))
        raise DataError(f"{before}{shown(empty)} has no label in the column {columns.label!r}; label it, or remove the row")
    labels = known_labels(f"{place}: column {columns.label!r}", len(found), table.to_numpy())
    classes = int(labels.max()) + 1
    if columns.class_names and len(columns.class_names) != classes:
        raise DataError(
            f"{place}: the column {columns.label!r} names {len(columns.class_names)} classes, and no picture is of the last,"
            f" {columns.class_names[-1]!r}; give a split that has pictures of every class"
        )
    pictures = found.select_columns([columns.image])  # its table is in the order of its rows: what is read from a file has no other
    if columns.decoded:
        pictures = pictures.cast_column(columns.image, datasets.Image(decode=False))
    pictures = pictures.with_format(None)

    def read(number: int) -> Pixels:
        where = f"{before}{shown(number)}"
        try:
            file = _file(pictures[number][columns.image])
        except Exception as error:  # of pyarrow's many
            raise broken(where, error) from error
        return square.opened(file, where)

    told = (part, f"pictures {columns.image}", f"labels {columns.label}")
    content = (*content, columns.image.encode(), columns.label.encode(), _sizes(pictures.data.column(columns.image)))
    return Entries(place, read, shown, labels, columns.class_names, content, remarks, ", ".join(filter(None, told)))


def _file(held: Any) -> Path | io.BytesIO:
    """The picture's file, in the row or, by an absolute path, beside it."""
    data, path = (held.get("bytes"), held.get("path")) if isinstance(held, dict) else (held, None)
    if data is not None:
        return io.BytesIO(data)
    if path is None:
        raise ValueError("the row is empty")
    if not os.path.isabs(path):
        raise ValueError(f"the row holds no bytes, and its path {shown_name(path)} is relative to nothing known")
    ensure_plain(Path(path))
    return Path(path)


def _sizes(column: Any) -> bytes:
    """Of every picture, -1 of none: from where they begin and end, so that no picture is read."""
    import pyarrow.compute

    held = pyarrow.compute.struct_field(column, "bytes") if pyarrow.types.is_struct(column.type) else column
    sizes = pyarrow.compute.binary_length(held).fill_null(-1)
    return np.asarray(sizes.to_numpy(), np.int64).tobytes()


def _row(place: int) -> str:
    return f"row {place}"


def _footer(file: Path) -> bytes:
    """A hash of what a parquet file says of its parts: their places, sizes and ranges."""
    with file.open("rb") as opened:
        opened.seek(-8, os.SEEK_END)
        length = int.from_bytes(opened.read(4), "little")
        opened.seek(-8 - length, os.SEEK_END)
        return content_hash(opened.read(length)).encode()


def import_datasets(place: str) -> Any:
    """`datasets`, imported when a source first needs it; raises ConfigError, naming `place`, where it is not installed."""
    ensure_datasets(place)
    import datasets
    import huggingface_hub.utils

    datasets.logging.set_verbosity(datasets.logging.CRITICAL)  # what goes wrong is said once, by us
    huggingface_hub.utils.logging.set_verbosity(datasets.logging.CRITICAL)
    if not sys.stderr.isatty() and datasets.config.HF_DATASETS_DISABLE_PROGRESS_BARS is None:
        datasets.disable_progress_bars()
    return datasets


def _loaded(place: str, load: Callable[[], Any], remedy: str) -> Any:
    try:
        return load()
    except Exception as error:  # `datasets` wraps what pyarrow, fsspec and the network raise
        raise DataError(f"{place} cannot be loaded ({_said(error)}); {remedy}") from error


def _said(error: BaseException) -> str:
    """The cause in one line."""
    while type(error).__name__ == "DatasetGenerationError" and error.__cause__ is not None:
        error = error.__cause__
    return " ".join(str(error).split())[:300] or type(error).__name__
