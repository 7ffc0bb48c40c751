"""Where things are, how they are published, and what they say about themselves.

Every Parquet file carries one key-value entry, `minsum`: a JSON object with its sources, counts,
checks, recipe and a checksum of the file (`proof`). There is no other ledger. Files are written beside the lake, made durable and
renamed into it, so a reader meets the old file or the new one, never a part of one.
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from minsum.errors import DataCheckError, UsageError, WorkspaceLockedError
from minsum.proof import ENTRY, UNSEALED, seal

SETTINGS_FILE: Final = "minsum.toml"
FOOTER_KEY: Final = b"minsum"
ROW_GROUP_ROWS: Final = 16_384
"""World rows of exports and imports may have smaller ones (`flows.lake.as_parts`). Measured on 7.4 M rows:
1.2 s and 39 MB, against 2.3 s and 49 MB with 8,192."""

_FEW: Final = 256
"""Most texts of a dictionary that is not worth compressing."""

_PARTITION: Final = re.compile(
    r"/classification=H[0-6]/year=(19|2[01])\d\d/reporter=(0|[1-9]\d{0,6})/flows\.parquet$"
)
_YEARLY: Final = re.compile(r"/classification=[A-Z]\d/(18|19|20|21|22)\d\d\.parquet$")

Footer = dict[str, Any]


class Layout:
    """Paths of one workspace.

    Parameters
    ----------
    root
        Its folder; need not exist yet.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.settings = root / SETTINGS_FILE
        self.raw = root / "raw"
        self.flows = root / "flows"
        self.esi = self.table("esi")
        self.coverage = root / "coverage.parquet"
        self.panel = root / "panel.parquet"
        self.country_years = root / "country_years.parquet"
        self.estimates = root / "estimates"
        self.tables = root / "report"
        self.page = self.tables / "index.html"
        self.sections = self.tables / "section_esi.parquet"
        self.runs = root / "runs"
        self.rejected = root / "rejected"
        self.private = root / ".minsum"
        self.scratch = self.private / "tmp"

    def table(self, name: str) -> Path:
        """Folder of a table with one file for each classification and year."""
        return self.root / name

    def yearly(self, name: str) -> list[Path]:
        """Its files, in order of classification and year; others in the folder are strays."""
        found = self.table(name).glob("classification=*/*.parquet")
        return sorted(path for path in found if _YEARLY.search(path.as_posix()))

    def estimate(self, name: str) -> Path:
        """Path of the estimates of one specification."""
        return self.estimates / f"{name}.parquet"

    def partition(self, classification: str, year: int, reporter_code: int) -> Path:
        """Path of one reporter-year of flows."""
        folder = f"classification={classification}/year={year}/reporter={reporter_code}"
        return self.flows / folder / "flows.parquet"

    def partitions(self) -> list[Path]:
        """Every flows file of the lake, in order of classification, year and reporter; others there are strays."""
        found = self.flows.glob("classification=*/year=*/reporter=*/flows.parquet")
        return sorted((path for path in found if _PARTITION.search(path.as_posix())), key=partition_key)


def estimate_files(layout: Layout) -> list[Path]:
    """Files of estimates, the main ones first, then by name; what is damaged counts by its name."""
    return sorted(
        (path for path in layout.estimates.glob("*.parquet") if is_estimates(path) or _is_damaged(path)),
        key=lambda path: (path.stem != "main", path.stem),
    )


def is_estimates(path: Path) -> bool:
    """Whether a file holds the estimates of the specification it is called after; a copy under another name does not."""
    try:
        return bool(read_footer(path).get("spec") == path.stem)
    except DataCheckError:
        return False


def _is_damaged(path: Path) -> bool:
    """Whether a file with the name of estimates is no Parquet at all."""
    if re.fullmatch(r"[\w-]+", path.stem) is None:
        return False
    try:
        pq.read_metadata(path)
    except (OSError, pa.ArrowException):
        return True
    return False


def partition_key(path: Path) -> tuple[str, int, int]:
    """Classification, year and reporter code of a flows file, from its folders."""
    classification, year, reporter = (part.partition("=")[2] for part in path.parts[-4:-1])
    return classification, int(year), int(reporter)


def inputs_of(classification: str, flows: Mapping[Path, Footer]) -> dict[str, str]:
    """What a table of a classification and year is made of: reporter code to the digest of its flows' footer.

    The code of a reporter whose flows are of another classification follows it: `H5/156`.
    """
    found = {}
    for path, footer in flows.items():
        filed, _, code = partition_key(path)
        found[str(code) if filed == classification else f"{filed}/{code}"] = digest(footer)
    return found


def find_root(start: Path) -> Path:
    """The folder itself or the nearest parent that holds `minsum.toml`.

    Raises
    ------
    UsageError
        If there is none.
    """
    start = start.resolve()
    if not start.is_dir():
        raise UsageError(f"{start}: no such folder", "make a workspace with: minsum init DIR")
    for folder in (start, *start.parents):
        if (folder / SETTINGS_FILE).is_file():
            return folder
    raise UsageError(
        f"{start} is not a workspace: no {SETTINGS_FILE} here or above",
        "make one with: minsum init DIR, or name it with -w DIR",
    )


def publish_table(table: pa.Table, target: Path, *, footer: Footer, layout: Layout) -> None:
    """Write a table as Parquet and rename it into place.

    Parameters
    ----------
    table
        Rows in their final order.
    target
        Final path; an existing file is replaced.
    footer
        JSON object stored under the key `minsum`.
    layout
        Workspace whose scratch folder holds the file until it is complete and on disk.
    """
    publish_parts([table], target, footer=footer, layout=layout)


def publish_parts(parts: Iterable[pa.Table], target: Path, *, footer: Footer, layout: Layout) -> int:
    """Publish a table that comes in parts of one schema, at least one of them, and return its rows.

    As `publish_table`; only one part is in memory at a time, and no row group holds rows of two parts.
    """
    remaining = iter(parts)
    first = next(remaining)
    n_rows = 0
    # The Arrow schema is left out so that dictionary-encoded columns read back as plain text.
    # Floats hardly repeat: split by byte they take 15 % less space and a third less time than
    # in a dictionary.
    floats = [field.name for field in first.schema if pa.types.is_floating(field.type)]
    packed = [name for name in first.schema.names if _is_worth_packing(first[name])]
    with (
        staged(target, layout) as temporary,
        pq.ParquetWriter(
            temporary, first.schema, store_schema=False,
            compression={name: "zstd" if name in packed else "none" for name in first.schema.names},
            compression_level=dict.fromkeys(packed, 1),
            use_dictionary=[name for name in first.schema.names if name not in floats],
            column_encoding=dict.fromkeys(floats, "BYTE_STREAM_SPLIT"),
            write_batch_size=ROW_GROUP_ROWS,  # statistics of dictionaries are made anew for each batch
        ) as writer,
    ):  # fmt: skip
        for part in chain([first], remaining):
            if part.num_rows:
                writer.write_table(part, row_group_size=ROW_GROUP_ROWS)
                n_rows += part.num_rows
        writer.add_key_value_metadata({FOOTER_KEY: canonical_json(footer | {ENTRY: UNSEALED})})
        writer.close()
        seal(temporary)
    return n_rows


def _is_worth_packing(column: pa.ChunkedArray) -> bool:
    """False for what is small as it is encoded: truth values, codes and texts of a few kinds.

    Setting up the compressor for each of their pages took an eighth of the time of writing flows.
    """
    if pa.types.is_dictionary(column.type):
        return len(column.chunk(0).dictionary) > _FEW if column.num_chunks else True
    return not (pa.types.is_integer(column.type) or pa.types.is_boolean(column.type))


def publish_text(text: str, target: Path, *, layout: Layout) -> None:
    """Write a UTF-8 text file and rename it into place."""
    with staged(target, layout) as temporary:
        temporary.write_text(text, encoding="utf-8")


@contextmanager
def staged(target: Path, layout: Layout) -> Iterator[Path]:
    """A scratch path that becomes `target` when the block ends well, durably and at once."""
    layout.scratch.mkdir(parents=True, exist_ok=True)
    temporary = layout.scratch / uuid.uuid4().hex
    try:
        yield temporary
        publish_file(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def publish_file(file: Path, target: Path) -> None:
    """Make a whole file of the workspace durable and rename it into place, on whatever file system that is."""
    _sync(file)
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        file.replace(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        beside = target.with_name(f".{target.name}.part")  # what a kill leaves of it is written over
        shutil.copyfile(file, beside)
        _sync(beside)
        beside.replace(target)
        file.unlink()
    _sync(target.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_footer(path: Path) -> Footer:
    """The `minsum` entry of a Parquet file; shared by all who read it, so not to be changed.

    Raises
    ------
    DataCheckError
        If the file is not readable Parquet or was not written by minsum.
    """
    with _told(path):
        stat = path.stat()
        return _read_footer(path, stat.st_ino, stat.st_ctime_ns, stat.st_size)


def footer_of(path: Path, content: bytes) -> Footer:
    """As `read_footer`, of the bytes of the file."""
    with _told(path):
        return _footer_in(pa.BufferReader(content))


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Whatever keeps a footer from being read, told of its file."""
    try:
        yield
    except (OSError, pa.ArrowException, KeyError, ValueError, RecursionError) as error:
        raise DataCheckError(
            f"{path}: not a Parquet file written by minsum ({type(error).__name__})",
            "delete it and run the stage again",
        ) from error


@lru_cache(maxsize=65_536)
def _read_footer(path: Path, *_file: int) -> Footer:
    """Remembered while the file stays the same: stages read the footers of the whole lake in turn, and a night
    without news consists of little else (4,400 of them take 0.7 s)."""
    with pa.OSFile(str(path)) as file:  # half the time of the path
        return _footer_in(file)


def _footer_in(file: pa.NativeFile) -> Footer:
    metadata = pq.read_metadata(file).metadata or {}
    footer: Footer = json.loads(metadata[FOOTER_KEY])
    if not isinstance(footer, dict):
        raise ValueError("no JSON object")
    return footer


def read_footers(paths: Iterable[Path]) -> dict[Path, Footer]:
    """The footers of many files, by path. 4,400 of them took 0.7 s in turn, 0.9 to 1.3 s in threads.

    Raises
    ------
    DataCheckError
        As `read_footer`, for the first bad file.
    """
    return {path: read_footer(path) for path in paths}


def flows_footers(layout: Layout) -> dict[Path, Footer]:
    """The footers of all flows files, by path.

    Raises
    ------
    DataCheckError
        If one cannot be read, or is of another classification, year or reporter than its folders say.
    """
    footers = read_footers(layout.partitions())
    for path, footer in footers.items():
        if (wrong := misplaced(path, footer)) is not None:
            raise DataCheckError(
                f"{path}: {wrong}", "delete it and run again: what belongs there is made anew"
            )
    return footers


def misplaced(path: Path, footer: Footer) -> str | None:
    """Of which reporter-year a flows file is, if of another than its folders say."""
    said = footer.get("of")
    if said is None or said == list(partition_key(path)):  # earlier versions did not say
        return None
    return f"in the place of others: holds the flows of {said}"


def footer_digest(path: Path) -> str | None:
    """The digest a stage left in its output, or None when there is no such output."""
    return str(read_footer(path).get("digest")) if path.is_file() else None


def canonical_json(value: object) -> bytes:
    """JSON with sorted keys and no blanks: equal values give equal bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def digest(value: object) -> str:
    """SHA-256 of a JSON-like value."""
    return sha256(canonical_json(value)).hexdigest()


@contextmanager
def exclusive(layout: Layout) -> Iterator[None]:
    """Hold the workspace for writing; clears what a killed run left in the scratch folder.

    Raises
    ------
    WorkspaceLockedError
        If another process holds it; the message says which.
    """
    from filelock import FileLock, Timeout

    layout.private.mkdir(parents=True, exist_ok=True)
    holder = layout.private / "holder.json"
    lock = FileLock(layout.private / "lock", timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        who = holder.read_text(encoding="utf-8", errors="replace")[:100] if holder.is_file() else "unknown"
        raise WorkspaceLockedError(
            f"{layout.root}: another run holds the workspace: {who}", "wait for it to end, then run again"
        ) from error
    try:
        shutil.rmtree(layout.scratch, ignore_errors=True)
        since = datetime.now(UTC).isoformat(timespec="seconds")
        holder.write_text(f"process {os.getpid()} since {since}", encoding="utf-8")
        yield
    finally:
        try:
            holder.unlink(missing_ok=True)
        finally:
            lock.release()
