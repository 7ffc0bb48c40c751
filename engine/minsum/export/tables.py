"""The tables of a release: what each is, what its columns mean, and its rows, a classification and year at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import polars as pl

from minsum.errors import DataCheckError
from minsum.schema import Column, columns_of
from minsum.workspace.checksums import prove
from minsum.workspace.footers import estimate_files, read_footer
from minsum.workspace.layout import Layout
from minsum.workspace.similarities import one_row_a_country

Batch = tuple[str, pl.DataFrame]
"""Classification and year, such as `H2_2014`, empty for a whole table; and rows."""

_CLASSIFICATION: Final = Column("classification", "string", "HS vintage of the products compared, H0 to H6")
_TITLES: Final = {
    "esi": "Export similarity of every ordered pair of countries, and of every country with every composite",
    "esi_levels": "Export similarity at several levels of the HS",
    "market_mean": "Export similarity within markets, as a mean over markets",
    "complementarity": "Trade complementarity: exports of each country against imports of each other",
    "destination_esi": "Similarity of destinations, and of products by destination",
    "coverage": "The data behind the figures: one row for each country and year",
    "panel": "The panel: similarity with one reference, import share and covariates",
    "estimates": "Estimates of all models",
}
_PAIR: Final = ("classification", "year", "reporter_code", "reference_code")
_KEYS: Final = {
    "esi": (*_PAIR, "reference"),
    "esi_levels": (*_PAIR, "reference", "level"),
    "market_mean": _PAIR,
    "complementarity": ("classification", "year", "reporter_code", "partner_code"),
    "destination_esi": _PAIR,
    "coverage": ("classification", "year", "reporter_code"),
    "panel": ("reporter", "year"),
    "estimates": ("spec", "model", "term"),
}
YEARLY: Final = ("esi", "esi_levels", "market_mean", "complementarity", "destination_esi")
"""Tables with a file for each classification and year that go into a release; `market_esi` is too large for one."""


@dataclass(frozen=True, slots=True)
class Released:
    """One table of a release.

    Attributes
    ----------
    name, title
        File stem, and what it shows.
    key
        Columns that name a row.
    columns
        All columns in order.
    batches
        Gives the rows in their final order, each time it is called.
    notes
        What a reader must know.
    """

    name: str
    title: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    batches: Callable[[], Iterable[Batch]]
    notes: tuple[str, ...] = ()


def whole(
    name: str, frame: pl.DataFrame, *, title: str, key: Sequence[str], about: Mapping[str, Column], notes: Sequence[str] = ()
) -> Released:  # fmt: skip
    """A table that is held whole; `about` says what the columns are that the data dictionary does not have."""
    known = columns_of(name)
    columns = tuple(_described(one, dtype, known, about) for one, dtype in frame.schema.items())
    return Released(name, title, tuple(key), columns, lambda: [("", frame)], tuple(notes))


def of_models(
    name: str, frame: pl.DataFrame, *, title: str, key: Sequence[str], variables: Mapping[str, Column], notes: Sequence[str] = ()
) -> Released:  # fmt: skip
    """A table of rows that models are estimated on, whose columns are terms of variables of the panel or of two countries."""
    about = {**columns_of("esi"), **variables}
    frame = frame.with_columns(pl.col(pl.Categorical).cast(pl.String))
    for column, dtype in frame.schema.items():
        side, _, rest = column.rpartition(".")
        if column not in about and rest in variables:
            about[column] = replace(variables[rest], about=f"of the {side}: {variables[rest].about}")
        elif column not in about:
            kind = "string" if dtype == pl.String else "double"
            told = f"{column} of the row" if dtype == pl.String else f"term {column} of the model"
            about[column] = Column(column, kind, told)
    return whole(name, frame, title=title, key=key, about=about, notes=notes)


def _described(
    name: str, dtype: pl.DataType, known: Mapping[str, Column], about: Mapping[str, Column]
) -> Column:
    if name in known:
        return known[name]
    if name == _CLASSIFICATION.name:
        return _CLASSIFICATION
    kind = (
        "bool"
        if dtype == pl.Boolean
        else "int32"
        if dtype.is_integer()
        else "double"
        if dtype.is_float()
        else "string"
    )
    return replace(about[name], name=name) if name in about else Column(name, kind, "")


def released_tables(layout: Layout) -> Iterator[Released]:
    """The workspace's own tables, of those that are there: in the order of the data dictionary.

    Raises
    ------
    DataCheckError
        If a file is damaged.
    """
    for name in YEARLY:
        if files := layout.yearly(name):
            yield _yearly(name, files)
            if name == "esi":
                yield _wide(files)
    if layout.coverage.is_file():
        yield _single("coverage", [layout.coverage])
    if layout.panel.is_file():
        notes = read_footer(layout.panel)["remarks"]
        yield _single("panel", [layout.panel], about=variables_of(layout), notes=notes)
    if files := estimate_files(layout):
        yield _single("estimates", files)


def variables_of(layout: Layout) -> dict[str, Column]:
    """Variables of the panel by name: what each is made from, of which files, and its unit."""
    footer = read_footer(layout.panel)
    found = {
        "import_share": Column("import_share", "double", "imports from the bloc over all imports", unit="1")
    }
    for name, told in footer["covariates"]["variables"].items():
        about = f"{told['recipe']}, from {', '.join(told['files'])}"
        asked = footer["options"]["variables"].get(name)
        if asked is None:  # a column of a plain table, whose unit nobody said
            found[name] = Column(name, "double", about)
            continue
        unit = "1" if asked["unit"] == "ratio" else asked["unit"].replace("_", " ")
        found[name] = Column(name, "double", about, unit=f"ln of {unit}" if asked["ln"] else unit)
    of_pairs = footer["covariates"]["pair_variables"]
    return found | {
        name: Column(name, "double", f"of pairs of countries, as given, from {', '.join(told['files'])}")
        for name, told in of_pairs.items()
    }


def _single(
    name: str, files: Sequence[Path], *, about: Mapping[str, Column] | None = None, notes: Sequence[str] = ()
) -> Released:  # fmt: skip
    prove(files)
    frame = pl.concat([pl.read_parquet(path, glob=False, hive_partitioning=False) for path in files])
    return whole(name, frame, title=_TITLES[name], key=_KEYS[name], about=about or {}, notes=notes)


def _yearly(name: str, files: Sequence[Path]) -> Released:
    prove(files)
    first = _read(files[0])
    known = columns_of(name)
    columns = tuple(_described(one, dtype, known, {}) for one, dtype in first.schema.items())

    def batches() -> Iterator[Batch]:
        for path in files:
            frame = _read(path)
            if frame.columns != first.columns:
                raise DataCheckError(
                    f"{path}: other columns than {files[0]}", "bring the tables up to date: minsum run"
                )
            yield _label(path), frame

    return Released(name, _TITLES[name], _KEYS[name], columns, batches)


def _wide(files: Sequence[Path]) -> Released:
    """Similarities with a column for each reference: countries by label, then composites."""
    esi = pl.scan_parquet(list(files), glob=False, hive_partitioning=False)
    labels = esi.select("reference", is_composite=pl.col("reference_code").is_null()).unique().collect()
    references = labels.sort("is_composite", "reference")["reference"].unique(maintain_order=True).to_list()
    schema: dict[str, pl.DataType] = {
        "classification": pl.String(), "year": pl.Int16(), "reporter": pl.String(),
        **{f"esi_{one}": pl.Float64() for one in references},
    }  # fmt: skip
    notes = one_row_a_country(esi)[1]
    known = columns_of("esi")
    about = {f"esi_{one}": f"similarity with {one}" for one in references}
    columns = (
        *(_described(one, schema[one], known, {}) for one in ("classification", "year", "reporter")),
        *(Column(name, "double", text, unit="1") for name, text in about.items()),
    )

    def batches() -> Iterator[Batch]:
        for path in files:
            rows = one_row_a_country(_read(path).lazy())[0].collect()
            wide = rows.pivot(
                "reference", index=["classification", "year", "reporter"], values="esi", sort_columns=False
            )
            named = wide.rename({one: f"esi_{one}" for one in wide.columns[3:]}).sort("reporter")
            absent = [pl.lit(None, pl.Float64).alias(one) for one in schema if one not in named.columns]
            yield _label(path), named.with_columns(absent).select(list(schema)).cast(schema)  # type: ignore[arg-type]

    title = "Export similarity, a column for each reference"
    return Released("esi_wide", title, ("classification", "year", "reporter"), columns, batches, tuple(notes))


def _read(path: Path) -> pl.DataFrame:
    frame = pl.read_parquet(path, glob=False, hive_partitioning=False)
    return frame.insert_column(0, pl.lit(path.parent.name.partition("=")[2]).alias("classification"))


def _label(path: Path) -> str:
    return f"{path.parent.name.partition('=')[2]}_{path.stem}"
