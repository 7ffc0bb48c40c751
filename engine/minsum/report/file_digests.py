"""Reads and writes `report/files.json`: inputs and digest of each file of the report.

Text and images have no footer for this record. If the list is deleted, the report is made again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any, Final

from minsum.workspace.copies import bring
from minsum.workspace.footers import canonical_json
from minsum.workspace.layout import Layout
from minsum.workspace.marks import DAMAGED, NOT_THERE, Mark, Plan, plan_of
from minsum.workspace.publish import publish_text, remove, staged

LIST: Final = "files.json"
_FORMER: Final = "section_esi.parquet"
"""Written by versions without the table `section_esi/`; removed."""


class ReportFiles:
    """The files listed in `report/files.json`.

    Parameters
    ----------
    layout
        The workspace.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._list = layout.tables / LIST
        bring([self._list])
        self._records = _read(self._list)

    def plan(self, wanted: Mapping[Path, Mark]) -> Plan:
        """Wanted files that are missing, changed or stale, and files of minsum that are no longer wanted."""
        listed = [self._layout.tables / name for name in sorted(self.names())]
        bring(listed)
        return plan_of(wanted, [path for path in listed if path.is_file()], self._why)

    def names(self) -> set[str]:
        """Names of the listed files, and of the file that an earlier version left."""
        return {*self._records, _FORMER}

    def damaged(self) -> Iterator[tuple[Path, str]]:
        """Listed files that are missing or changed, with the reason."""
        bring(self._layout.tables / name for name in self._records)
        for name, record in self._records.items():
            path = self._layout.tables / name
            if (found := _digest(path)) != record.get("sha256"):
                yield path, "not there" if found is None else "its bytes are not those that were written"

    def publish(self, path: Path, content: bytes, mark: Mark) -> None:
        """Write a file, then list it. If killed in between, the digests differ and the next run makes the file again."""
        with staged(path, self._layout) as temporary:
            temporary.write_bytes(content)
        self._records[path.name] = mark.record() | {"sha256": sha256(content).hexdigest()}
        self._save()

    def leave_out(self, path: Path, mark: Mark, why: str) -> None:
        """Remove a file that has no content, and record the reason; the next attempt is made when its inputs change."""
        self._records[path.name] = mark.record() | {"sha256": None, "not_drawn": why}
        self._save()
        remove(path)

    def remove(self, path: Path) -> None:
        """Delete a file and its record."""
        self._records.pop(path.name, None)
        self._save()
        remove(path)

    def _save(self) -> None:
        publish_text(canonical_json(self._records).decode(), self._list, layout=self._layout)

    def _why(self, path: Path, mark: Mark) -> str | None:
        record = self._records.get(path.name)
        if record is None or (not path.exists() and not _is_left_out(record)):
            return NOT_THERE
        return mark.difference(record) or (None if _digest(path) == record.get("sha256") else DAMAGED)


def _is_left_out(record: Mapping[str, Any]) -> bool:
    return record.get("sha256", "") is None


def _digest(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def _read(path: Path) -> dict[str, dict[str, Any]]:
    """The records; invalid entries are ignored, and their files are made again."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {
        name: record for name, record in found.items() if isinstance(record, dict) and Path(name).name == name
    }
