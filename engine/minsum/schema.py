"""The data dictionary: every table's columns, their types, units and meaning, checked at stage borders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from minsum.errors import DataCheckError

if TYPE_CHECKING:
    import pyarrow as pa

FLOWS: Final = ("DX", "FM", "M", "MIP", "MOP", "RM", "RX", "X", "XIP", "XOP")
"""Comtrade flow codes in text order."""

Unit = Literal["ratio", "million_usd", "count", "index"]
"""Units of covariates, before any logarithm."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a published table.

    Attributes
    ----------
    name
        As in the file.
    dtype
        Arrow type, as Arrow writes it.
    about
        Meaning.
    unit
        Of a quantity; 1 for shares and similarities, empty for texts, codes and what has the unit of the variable.
    """

    name: str
    dtype: str
    about: str
    unit: str = ""


# fmt: off
_ESI: Final = (
    Column("year", "int16", "calendar year"),
    Column("reporter", "string", "ISO3 as Comtrade writes it"),
    Column("reference", "string", "ISO3, or the name of a composite"),
    Column("reporter_code", "int32", "Comtrade code"),
    Column("reference_code", "int32", "Comtrade code, null for a composite"),
    Column("esi", "double", "sum over products of the smaller share; null with a reason", unit="1"),
    Column("n_reporter", "int32", "products exported by the reporter", unit="products"),
    Column("n_reference", "int32", "products exported by the reference", unit="products"),
    Column("n_common", "int32", "products exported by both", unit="products"),
    Column("residual_reporter", "double", "share of codes 9999xx in the reporter's exports", unit="1"),
    Column("residual_reference", "double", "share of codes 9999xx in the reference's exports", unit="1"),
    Column("is_rebuilt", "bool", "rebuilt values entered on either side"),
    Column("reason", "string", "why esi is null; null otherwise"),
)

TABLES: Final[dict[str, tuple[Column, ...]]] = {
    "flows": (
        Column("flow", "string", "Comtrade flow: X exports (contains RX), M imports, RX re-exports, DX domestic exports"),
        Column("partner_code", "int32", "Comtrade partner code, 0 = World"),
        Column("product_code", "string", "HS, 6 characters (4 or 2 where the source has no longer ones), or TOTAL"),
        Column("value_usd", "double", "value of the flow", unit="USD"),
        Column("is_rebuilt", "bool", "a sum made by minsum in place of a missing or impossible figure"),
    ),
    "esi": _ESI,
    "esi_levels": (*_ESI, Column("level", "int8", "digits of the product codes: 6, 4 or 2", unit="digits")),
    "market_esi": (
        Column("year", "int16", "calendar year"),
        Column("market", "string", "importing country or area, ISO3 as Comtrade writes it"),
        Column("reporter", "string", "ISO3, alphabetically before the reference"),
        Column("reference", "string", "ISO3"),
        Column("esi", "double", "sum over products of the smaller share in exports to the market; above 0", unit="1"),
        Column("market_code", "int32", "Comtrade code"),
        Column("reporter_code", "int32", "Comtrade code"),
        Column("reference_code", "int32", "Comtrade code"),
    ),
    "market_mean": (
        Column("year", "int16", "calendar year"),
        Column("reporter", "string", "ISO3, alphabetically before the reference"),
        Column("reference", "string", "ISO3"),
        Column("esi", "double", "mean of market_esi over markets, weighted by both countries' exports there", unit="1"),
        Column("n_markets", "int32", "markets where the two are similar at all", unit="markets"),
        Column("reporter_code", "int32", "Comtrade code"),
        Column("reference_code", "int32", "Comtrade code"),
    ),
    "complementarity": (
        Column("year", "int16", "calendar year"),
        Column("reporter", "string", "exporter, ISO3 as Comtrade writes it"),
        Column("partner", "string", "importer, ISO3"),
        Column("tci", "double", "sum over products of the smaller of export and import share; null with a reason", unit="1"),
        Column("reporter_code", "int32", "Comtrade code"),
        Column("partner_code", "int32", "Comtrade code"),
        Column("n_exports", "int32", "products exported by the reporter", unit="products"),
        Column("n_imports", "int32", "products imported by the partner", unit="products"),
        Column("n_common", "int32", "products in both baskets", unit="products"),
        Column("residual_exports", "double", "share of codes 9999xx in the reporter's exports", unit="1"),
        Column("residual_imports", "double", "share of codes 9999xx in the partner's imports", unit="1"),
        Column("is_rebuilt", "bool", "rebuilt values entered on either side"),
        Column("reason", "string", "why tci is null; null otherwise"),
    ),
    "destination_esi": (
        Column("year", "int16", "calendar year"),
        Column("reporter", "string", "ISO3 as Comtrade writes it"),
        Column("reference", "string", "ISO3"),
        Column("partner_esi", "double", "sum over destinations of the smaller share in all exports", unit="1"),
        Column("cell_esi", "double", "sum over products and destinations of the smaller share in all exports", unit="1"),
        Column("reporter_code", "int32", "Comtrade code"),
        Column("reference_code", "int32", "Comtrade code"),
    ),
    "section_esi": (
        Column("year", "int16", "calendar year"),
        Column("reporter", "string", "ISO3 as Comtrade writes it"),
        Column("reference", "string", "ISO3, or the name of a composite"),
        Column("section", "string", "section of the HS: I to XXI, or other"),
        Column("contribution", "double", "part of the similarity that comes from the section", unit="1"),
    ),
    "coverage": (
        Column("classification", "string", "HS vintage, H0 to H6"),
        Column("year", "int16", "calendar year"),
        Column("reporter", "string", "ISO3 as Comtrade writes it"),
        Column("reporter_code", "int32", "Comtrade code"),
        Column("source", "string", "file names, separated by '; '"),
        Column("format", "string", "input format"),
        Column("published", "string", "publication date, null when unknown"),
        Column("n_products", "int32", "products with World exports (X)", unit="products"),
        Column("exports_usd", "double", "sum of World exports (X) over products", unit="USD"),
        Column("residual_share", "double", "share of codes 9999xx in World exports", unit="1"),
        Column("world_vs_partners", "double", "sum over partners / World, same products of X; null without partners", unit="1"),
        Column("total_vs_products", "double", "sum over products / TOTAL, World exports; null without TOTAL", unit="1"),
        Column("rows_in", "int64", "rows read", unit="rows"),
        Column("rows_kept", "int64", "rows that passed every row rule", unit="rows"),
        Column(
            "is_original",
            "bool",
            "in the classification that the reporter filed; false: the UN's conversion; null where a source does not say",
        ),
        Column(
            "doubts",
            "string",
            "checks by which exports may be there in part, separated by ', ': total_vs_products, uncontained, round_rows, exports_fall; null without",
        ),
    ),
    "panel": (
        Column("reporter", "string", "ISO3"),
        Column("year", "int16", "calendar year"),
        Column("esi", "double", "similarity with the panel's reference", unit="1"),
        # import_share: imports from the countries of [panel] bloc, itself left out, over all imports; only
        # with a bloc. Then the covariates, and esi_width, esi_high - esi_low, where vintages were brought together.
    ),
    "country_years": (
        Column("reporter", "string", "ISO3"),
        Column("year", "int16", "calendar year"),
        # import_share and the covariates as in panel, of every country.
    ),
    "pair_years": (
        Column("reporter", "string", "ISO3"),
        Column("reference", "string", "ISO3"),
        Column("year", "int16", "calendar year; null for values of every year"),
        # covariates of pairs, such as distance.
    ),
    "estimates": (
        Column("model", "string", "estimator, name of the model, or both"),
        Column("term", "string", "regressor, const or effect"),
        Column("coefficient", "double", "estimate"),
        Column("std_error", "double", "standard error"),
        Column("statistic", "double", "coefficient / standard error"),
        Column("p_value", "double", "two-sided, from the distribution", unit="1"),
        Column("stars", "string", "*** 1 %, ** 5 %, * 10 %"),
        Column("n_obs", "int32", "observations", unit="observations"),
        Column("n_entities", "int32", "countries; pairs for data of pairs", unit="countries or pairs"),
        Column("r_squared", "double", "within for FE, squared correlation for RE, null for FGLS", unit="1"),
        Column("estimator", "string", "FE, RE, pooled, between, FD, FGLS or PCSE"),
        Column("dependent", "string", "dependent variable"),
        Column("distribution", "string", "of the statistic if the coefficient were 0: t(54) or N(0, 1)"),
        Column("spec", "string", "specification: main, or the name of a spec file"),
        Column(
            "r_squared_within",
            "double",
            "of the variation within countries (FE, RE) or within the effects (pairs)",
            unit="1",
        ),
        Column(
            "r_squared_overall",
            "double",
            "squared correlation of the dependent variable and X b, without effects",
            unit="1",
        ),
    ),
}

HARMONISED: Final = {
    "esi": (
        Column("vintage_reporter", "string", "HS vintage that the reporter filed"),
        Column("vintage_reference", "string", "HS vintage that the reference filed, mixed for a composite of several"),
        Column(
            "converted_reporter", "double", "share of the filed basket in products not one-to-one with the target", unit="1"
        ),
        Column("converted_reference", "double", "the same of the reference, weighted over its members", unit="1"),
        Column("esi_low", "double", "lowest similarity that an allocation compatible with the UN's links gives", unit="1"),
        Column("esi_high", "double", "highest similarity that an allocation compatible with the UN's links gives", unit="1"),
        Column("is_merged", "bool", "a state and its successors count as one country on either side"),
    ),
    "coverage": (
        Column("harmonised_to", "string", "HS vintage to which the reporter-year was brought, null when left out"),
        Column("unmatched_usd", "double", "exports without a target, which went to 999999", unit="USD"),
        Column("converted", "double", "share of the filed basket in products not one-to-one with the target", unit="1"),
        Column("reason", "string", "why the reporter-year is left out; null otherwise"),
        Column("unit", "string", "label of the state and its successors under which it counts; null for its own"),
        Column("n_partners", "int32", "partners whose imports make a mirrored basket; null for a filing", unit="partners"),
        Column("partners_share", "double", "share of exports to them in the nearest year that it filed", unit="1"),
    ),
}
"""Further columns at the end of tables when `[harmonise]` is set; those of esi stand in esi_levels too."""

OVERLAP: Final = Column(
    "overlap_usd", "double", "exports of the same products: sum of the smaller of the two values, USD", unit="USD"
)
"""Further column of destination_esi when `[destination_esi] overlap_usd` asks for it."""

MIRRORED: Final = (
    Column("source_reporter", "string", "reported, or mirror: from the partners' imports"),
    Column("source_reference", "string", "the same of the reference; mirror if any member of a composite is one"),
)
"""Further columns of esi and esi_levels after those of `[harmonise]` when `[mirror]` is set."""

QUANTITIES: Final[dict[str, tuple[Column, ...]]] = {
    "net_weight": (
        Column("net_weight", "double", "kg, null where the source gives none or a sum lacks an addend's", unit="kg"),
    ),
    "quantity": (
        Column("quantity", "double", "in the unit of quantity_unit; null as net_weight, or when units differ"),
        Column("quantity_unit", "int16", "Comtrade's qtyUnitCode, null where the source gives none"),
    ),
}
"""Further columns at the end of flows, by the name that `[ingest] columns` asks for them with."""
# fmt: on

LABELS: Final = {
    "esi": "Export similarity",
    "esi_width": "Width of the interval",
    "n_reporter": "Products, reporter",
    "n_reference": "Products, reference",
    "n_common": "Products in common",
    "residual_reporter": "Residual share, reporter",
    "residual_reference": "Residual share, reference",
    "import_share": "Import share of the bloc",
    "ln_fdi": "Inward FDI (ln)",
    "capital": "Capital formation / GDP",
    "lr": "Labour force participation",
    "pa": "Patent applications (ln)",
    "efi": "Economic freedom",
    "const": "Constant",
}
"""Labels of variables in tables for papers; `[labels]` of a specification adds its own and replaces these."""

YEARLY: Final = (
    "esi", "esi_levels", "section_esi", "market_esi", "market_mean", "complementarity", "destination_esi",
)  # fmt: skip
"""Tables with a file for each classification and year, `<table>/classification=H2/2014.parquet`."""


def columns_of(name: str) -> dict[str, Column]:
    """Every column that a table may have, by name; covariates, which the settings name, are not among them."""
    further = [*HARMONISED.get("esi" if name == "esi_levels" else name, ()), *MIRRORED, OVERLAP]
    return {column.name: column for column in (*TABLES.get(name, ()), *further)}


def check_table(table: pa.Table, name: str) -> None:
    """Check that a table has its dictionary's columns, in order, with their types; others may follow.

    Raises
    ------
    DataCheckError
        Naming the first column that differs.
    """
    import pyarrow as pa

    for position, column in enumerate(TABLES[name]):
        if position >= table.num_columns or table.schema.names[position] != column.name:
            found = table.schema.names[position] if position < table.num_columns else "nothing"
            raise DataCheckError(f"table {name}: column {position + 1} is {found}, expected {column.name}")
        dtype = table.schema.field(position).type
        text = str(dtype.value_type if pa.types.is_dictionary(dtype) else dtype)
        if text.removeprefix("large_") != column.dtype:
            raise DataCheckError(f"table {name}, column {column.name}: type {text}, expected {column.dtype}")


SECTIONS: Final = (
    ("I", 1, 5, "live animals; animal products"),
    ("II", 6, 14, "vegetable products"),
    ("III", 15, 15, "fats and oils"),
    ("IV", 16, 24, "prepared food, beverages, tobacco"),
    ("V", 25, 27, "mineral products"),
    ("VI", 28, 38, "chemicals"),
    ("VII", 39, 40, "plastics and rubber"),
    ("VIII", 41, 43, "hides, leather, furs"),
    ("IX", 44, 46, "wood, cork, basketware"),
    ("X", 47, 49, "pulp and paper"),
    ("XI", 50, 63, "textiles and clothing"),
    ("XII", 64, 67, "footwear, headgear, umbrellas"),
    ("XIII", 68, 70, "stone, ceramics, glass"),
    ("XIV", 71, 71, "pearls, precious stones and metals"),
    ("XV", 72, 83, "base metals"),
    ("XVI", 84, 85, "machinery and electrical equipment"),
    ("XVII", 86, 89, "vehicles, aircraft, vessels"),
    ("XVIII", 90, 92, "instruments, clocks"),
    ("XIX", 93, 93, "arms and ammunition"),
    ("XX", 94, 96, "furniture, toys, miscellaneous"),
    ("XXI", 97, 97, "works of art, antiques"),
    ("other", 98, 99, "national use and unspecified"),
)
"""Name, first and last chapter, content: the Harmonized System's 21 sections, the same in every vintage, and
what is outside them. Chapter 77 is reserved."""
