"""Zips of several files, such as CEPII publishes BACI: each of their tables is a source of its own."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from hashlib import sha256
from typing import Final

from minsum.errors import BrokenSourceError, UnknownFormatError
from minsum.formats import read_header, recognise
from minsum.sources import Source, open_text, zip_files

MAX_FILES: Final = 500
"""BACI's zips hold some forty."""


def unfold(sources: list[Source], *, whole: Collection[str] = ()) -> list[Source]:
    """Sources with every zip of several files replaced by its tables, if it holds any that minsum reads.

    What accompanies them (country tables, a readme) is passed over; a zip without a table stays itself, to be
    rejected when it is read. Sources whose digest is in `whole` are known to be no such zip.
    """
    return [
        member
        for source in sources
        for member in (source.sha256 not in whole and _members(source)) or [source]
    ]


def _members(source: Source) -> list[Source]:
    try:
        file = source.path.open("rb")
    except OSError:
        return []  # reading it says why not
    with file:
        if file.read(4) != b"PK\x03\x04":
            return []
        try:
            files = zip_files(file, source.name)
        except BrokenSourceError:
            return []
    if not 1 < len(files) <= MAX_FILES:
        return []
    members = [
        replace(
            source, member=one.filename, size=one.file_size,
            sha256=sha256(f"{source.sha256}/{one.filename}".encode()).hexdigest(),
        )
        for one in files
    ]  # fmt: skip
    verdicts = [_is_table(member) for member in members]
    if True not in verdicts:
        return []
    return [member for member, verdict in zip(members, verdicts, strict=True) if verdict is not False]


def _is_table(member: Source) -> bool | None:
    """True for a table that minsum reads, False for another file, None for one that cannot be read."""
    try:
        with open_text(member) as file:
            return recognise(read_header(file, member.name), member.name) is not None
    except UnknownFormatError:
        return False
    except BrokenSourceError:
        return None
