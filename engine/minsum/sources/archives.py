"""Archives of several files, such as CEPII publishes BACI: each of their tables is a source of its own."""

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
    """Sources with every archive of several files replaced by its tables, if it holds any that minsum reads.

    What accompanies them (country tables, a readme) is passed over; an archive without a table stays itself, to be
    rejected when it is read. Sources whose digest is in `whole` are known to be no such archive.
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
    members = [inner for one in found for inner in _unfolded(_within(source, one))]
    verdicts = [_is_table(member) for member in members]
    if True not in verdicts:
        return [source]
    return [member for member, verdict in zip(members, verdicts, strict=True) if verdict is not False]


def _within(source: Source, member: Member) -> Source:
    return replace(
        source, inside=(*source.inside, member.name), size=member.size,
        sha256=sha256(f"{source.sha256}/{member.name}".encode()).hexdigest(),
    )  # fmt: skip


def _is_table(member: Source) -> bool | None:
    """True for a table that minsum reads, or nearly does, False for another file, None for one that cannot be opened."""
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
