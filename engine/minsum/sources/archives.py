"""Splits archives of several files into sources: each table inside is a source of its own (CEPII publishes BACI so)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from hashlib import sha256

from minsum.errors import SourceError, UnknownFormatError
from minsum.sources.compression import MAX_FILES, Member, members_of
from minsum.sources.files import Source
from minsum.sources.formats import nearest, recognise
from minsum.sources.opening import open_table


def unfold(sources: list[Source], *, whole: Collection[str] = ()) -> list[Source]:
    """Sources, with every archive replaced by the tables in it that minsum reads.

    Other files of an archive (country tables, a readme) are left out. An archive without a table stays one source and
    is rejected when it is read. Digests in `whole` are known not to be such archives.
    """
    return [
        member for source in sources for member in ([source] if source.sha256 in whole else _unfolded(source))
    ]


def _unfolded(source: Source) -> list[Source]:
    try:
        found = members_of(source)
    except SourceError:
        return [source]
    if found is None or not 1 < len(found) <= MAX_FILES:
        return [source]
    members = [inner for one in found for inner in _unfolded(_inner_source(source, one))]
    are_tables = [_is_table(member) for member in members]
    if True not in are_tables:
        return [source]
    return [member for member, is_table in zip(members, are_tables, strict=True) if is_table is not False]


def _inner_source(source: Source, member: Member) -> Source:
    return replace(
        source, inside=(*source.inside, member.name), size=member.size,
        sha256=sha256(f"{source.sha256}/{member.name}".encode()).hexdigest(),
    )  # fmt: skip


def _is_table(member: Source) -> bool | None:
    """True for a table that minsum reads or nearly recognises, False for another file, None if it cannot be opened."""
    try:
        with open_table(member) as (_, header):
            try:
                return recognise(header, member.name) is not None
            except UnknownFormatError:
                return nearest(header) is not None
    except UnknownFormatError:
        return False
    except SourceError:
        return None
