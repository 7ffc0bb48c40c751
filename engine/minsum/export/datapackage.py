"""`datapackage.json` (Frictionless Data Package) and `CITATION.cff` of a release."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, Final

from minsum.export.options import ExportOptions, Format
from minsum.export.writers import File, Written
from minsum.schema import Column

_TYPES: Final = {"string": "string", "bool": "boolean", "double": "number"}
_MEDIA: Final[dict[Format, str]] = {
    "csv": "text/csv", "parquet": "application/vnd.apache.parquet", "dta": "application/x-stata-dta",
}  # fmt: skip
_COMTRADE: Final = {"title": "UN Comtrade", "path": "https://comtradeplus.un.org"}


def data_package(tables: Sequence[Written], options: ExportOptions) -> str:
    """The descriptor as JSON: CSV files with their columns, the other formats as files."""
    package: dict[str, Any] = {
        "name": re.sub(r"[^a-z0-9]+", "-", options.cited.title.lower()).strip("-") or "minsum",
        "title": options.cited.title,
        "profile": "data-package",
        "sources": [_COMTRADE],
        "contributors": [{"title": author, "role": "author"} for author in options.cited.authors],
        "version": options.cited.version,
        "licenses": [{"name": options.cited.license}] if options.cited.license else [],
        "resources": [_resource(one, file) for one in tables for file in one.files],
    }
    return (
        json.dumps({key: value for key, value in package.items() if value}, indent=2, ensure_ascii=False)
        + "\n"
    )


def _resource(written: Written, file: File) -> dict[str, Any]:
    name = file.path.removeprefix("data/").lower().replace("_", "-")
    resource: dict[str, Any] = {
        "name": name, "path": file.path, "title": written.table.title, "format": file.format,
        "mediatype": _MEDIA[file.format], "bytes": file.size, "hash": f"sha256:{file.sha256}",
    }  # fmt: skip
    if file.format != "csv":
        return resource | {"type": "file"}
    schema = {
        "fields": [_field(one) for one in written.table.columns],
        "primaryKey": list(written.table.key),
        "missingValues": [""],
    }
    shape = {"profile": "tabular-data-resource", "encoding": "utf-8", "compression": "gz", "schema": schema}
    return resource | shape


def _field(column: Column) -> dict[str, Any]:
    field = {"name": column.name, "type": _TYPES.get(column.dtype, "integer"), "description": column.about}
    return field | ({"unit": column.unit} if column.unit else {})


def citation(options: ExportOptions) -> str:
    """`CITATION.cff`; JSON's strings are YAML's."""
    lines = [
        "cff-version: 1.2.0",
        "message: If you use these data, please cite them.",
        "type: dataset",
        f"title: {json.dumps(options.cited.title, ensure_ascii=False)}",
        "authors:",
    ]
    for author in options.cited.authors:
        family, _, given = author.partition(",")
        names = (
            {"family-names": family.strip(), "given-names": given.strip()}
            if given
            else {"name": author.strip()}
        )
        written = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in names.items()]
        lines += [f"  - {written[0]}", *(f"    {one}" for one in written[1:])]
    if not options.cited.authors:
        lines.append('  - name: "not named: set [export] authors in minsum.toml"')
    for name, value in (("version", options.cited.version), ("license", options.cited.license)):
        if value:
            lines.append(f"{name}: {json.dumps(value)}")
    return "\n".join(lines) + "\n"
