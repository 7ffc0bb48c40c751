"""Good files of every format, made from one set of rows: totals, parts, partners, residual and odd codes."""

from __future__ import annotations

import gzip
import io
import random
import zipfile


def _rows(rng: random.Random, n: int) -> list[dict[str, object]]:
    """Rows of one reporter-year under minsum's names: totals, parts, partners, residual and odd codes."""
    products = [f"{rng.choice([1, 2, 27, 84, 85]):02d}{rng.randrange(100, 104) * 10:04d}" for _ in range(8)]
    products += ["999999", "9999AA", "TOTAL", "01", "8542"]
    return [
        {
            "flow": rng.choice(["X", "X", "X", "M", "M", "RX", "DX", "RM"]),
            "partner": rng.choice([0, 0, 842, 276, 642]), "product": rng.choice(products),
            "value": rng.choice([rng.randrange(1, 10**6), rng.random() * 10**rng.randrange(1, 9), 0, ""]),
            "partner2": rng.choice([0, 0, 0, 0, 36]), "customs": rng.choice(["C00"] * 4 + ["C01", "C02"]),
            "mot": rng.choice([0, 0, 0, 2000, 2100, 3200]), "mos": rng.choice(["0", "0", "0 ", "-1", "1", ""]),
            "weight": rng.choice(["", 0, 12.5, 10**9, -1, "NaN"]), "quantity": rng.choice(["", "0.0", 7, "x"]),
            "unit": rng.choice([-1, 1, 5, 8, "", "kg"]),
        }
        for _ in range(n)
    ]  # fmt: skip


BULK = [
    "datasetCode", "typeCode", "freqCode", "refPeriodId", "refYear", "refMonth", "period", "reporterCode",
    "flowCode", "partnerCode", "partner2Code", "classificationSearchCode", "classificationCode",
    "isOriginalClassification", "cmdCode", "customsCode", "mosCode", "motCode", "qtyUnitCode", "qty",
    "isQtyEstimated", "altQtyUnitCode", "altQty", "isAltQtyEstimated", "netWgt", "isNetWgtEstimated",
    "grossWgt", "isGrossWgtEstimated", "cifValue", "fobValue", "primaryValue", "legacyEstimationFlag",
    "isReported", "isAggregate",
]  # fmt: skip
WEB = [
    "typeCode", "freqCode", "refPeriodId", "refYear", "refMonth", "period", "reporterCode", "reporterISO",
    "reporterDesc", "flowCode", "flowDesc", "partnerCode", "partnerISO", "partnerDesc", "partner2Code",
    "partner2ISO", "partner2Desc", "classificationCode", "classificationSearchCode",
    "isOriginalClassification", "cmdCode", "cmdDesc", "aggrLevel", "isLeaf", "customsCode", "customsDesc",
    "mosCode", "motCode", "motDesc", "qtyUnitCode", "qtyUnitAbbr", "qty", "isQtyEstimated", "altQtyUnitCode",
    "altQtyUnitAbbr", "altQty", "isAltQtyEstimated", "netWgt", "isNetWgtEstimated", "grossWgt",
    "isGrossWgtEstimated", "cifvalue", "fobvalue", "primaryValue", "legacyEstimationFlag", "isReported",
    "isAggregate",
]  # fmt: skip
LEGACY = [
    "Classification", "Year", "Period", "Period Desc.", "Aggregate Level", "Is Leaf Code", "Trade Flow Code",
    "Trade Flow", "Reporter Code", "Reporter", "Reporter ISO", "Partner Code", "Partner", "Partner ISO",
    "2nd Partner Code", "2nd Partner", "2nd Partner ISO", "Customs Proc. Code", "Customs", "Mode of Transport Code",
    "Mode of Transport", "Commodity Code", "Commodity", "Qty Unit Code", "Qty Unit", "Qty", "Alt Qty Unit Code",
    "Alt Qty Unit", "Alt Qty", "Netweight (kg)", "Gross weight (kg)", "Trade Value (US$)", "CIF Trade Value (US$)",
    "FOB Trade Value (US$)", "Flag",
]  # fmt: skip
LEGACY_BULK = [*LEGACY[:14], "Commodity Code", "Commodity", "Qty Unit Code", "Qty Unit", "Qty", "Netweight (kg)",
               "Trade Value (US$)", "Flag"]  # fmt: skip
WITS = ["Nomenclature", "ReporterISO3", "ProductCode", "ReporterName", "PartnerISO3", "PartnerName", "Year",
        "TradeFlowName", "TradeFlowCode", "TradeValue in 1000 USD"]  # fmt: skip
_OLD_FLOWS = {"M": "1", "X": "2", "RX": "3", "RM": "4", "DX": "0"}
_FLOW_NAMES = {"M": "Import", "X": "Export", "RX": "Re-Export", "RM": "Re-Import", "DX": "dx"}


def _new(row: dict[str, object], reporter: int, year: int, vintage: str) -> dict[str, object]:
    return {
        "typeCode": "C", "freqCode": "A", "refMonth": 52, "refYear": year, "period": year, "reporterCode": reporter,
        "reporterISO": "CHN", "reporterDesc": "China", "flowCode": row["flow"], "partnerCode": row["partner"],
        "partnerDesc": 'Areas, "nes"', "partner2Code": row["partner2"], "classificationCode": vintage,
        "classificationSearchCode": "HS", "cmdCode": row["product"], "cmdDesc": "Chevaux; \xe9lev\xe9s, vivants",
        "customsCode": row["customs"], "mosCode": row["mos"], "motCode": row["mot"], "primaryValue": row["value"],
        "isReported": "true", "isAggregate": "false",
        "netWgt": row["weight"], "qty": row["quantity"], "qtyUnitCode": row["unit"],
    }  # fmt: skip


def _old(row: dict[str, object], reporter: int, year: int, vintage: str) -> dict[str, object]:
    return {
        "Classification": vintage, "Year": year, "Period": year, "Period Desc.": year, "Aggregate Level": 6,
        "Trade Flow Code": _OLD_FLOWS[str(row["flow"])], "Trade Flow": _FLOW_NAMES[str(row["flow"])], "Reporter Code": reporter, "Reporter": "Indonesia",
        "Partner Code": row["partner"], "Partner": "Bolivia (Plurinational State of)", "Commodity Code": row["product"],
        "Commodity": "Horses; live, pure-bred", "Trade Value (US$)": row["value"], "Flag": 0,
        "2nd Partner Code": "", "Customs Proc. Code": "", "Mode of Transport Code": "",
        "Netweight (kg)": row["weight"], "Qty": row["quantity"], "Qty Unit Code": row["unit"],
    }  # fmt: skip


def _wits(row: dict[str, object], year: int) -> dict[str, object]:
    label = {0: "WLD", 842: "USA", 276: "DEU", 642: "ROM"}
    return {
        "Nomenclature": "H4", "ReporterISO3": "CHN", "ProductCode": row["product"], "ReporterName": "China",
        "PartnerISO3": label[int(str(row["partner"]))], "PartnerName": " World", "Year": year,
        "TradeFlowName": {"X": "Export", "M": "Import", "RX": "", "DX": "Gross Exp.", "RM": "Re-Import"}[str(row["flow"])],
        "TradeFlowCode": {"X": 6, "M": 5, "RX": 3, "DX": 2, "RM": 4}[str(row["flow"])], "TradeValue in 1000 USD": row["value"],
    }  # fmt: skip


def _table(
    names: list[str], rows: list[dict[str, object]], *, mark: str, quote: str, end: str, tail: str = ""
) -> bytes:
    def one(value: object) -> str:
        text = str(value)
        if quote == "all" or (quote == "some" and any(letter in text for letter in '",;')):
            return '"' + text.replace('"', '""') + '"'
        return text if quote != "none" else text.replace('"', "")

    lines = [mark.join(names)] + [mark.join(one(row.get(name, "")) for name in names) + tail for row in rows]
    return (end.join(lines) + end).encode("latin-1")


def texts(rng: random.Random) -> dict[str, tuple[str, bytes, str]]:
    """Good files: format to (name, text, how it is packed)."""
    rows = _rows(rng, 60)
    years = [2014, 2017, 2022]
    tab: dict[str, str] = {"mark": "\t", "quote": "none", "end": "\n"}
    many = [_old(row, reporter, 2015, "H4") for reporter in (156, 360, 842) for row in rows[:20]]
    mixed = [_new(row, 764, years[n % 3], f"H{4 + n % 3}") for n, row in enumerate(rows)]
    classic = [one for one in BULK if one not in ("partner2Code", "customsCode", "mosCode", "motCode")]
    baci = [
        {"t": 2015, "i": rng.choice([4, 156]), "j": rng.choice([842, 276, 36]), "k": int("84" + str(n % 7 + 1000)),
         "v": f"{rng.random() * 1000:.3f}", "q": rng.choice(["           NA", "       0.25", ""])} for n in range(40)
    ]  # fmt: skip
    return {
        "bulk": ("COMTRADE-FINAL-CA1562015H4[2024-03-10].gz", _table(BULK, [_new(r, 156, 2015, "H4") for r in rows], **tab), "gz"),
        "bulk txt": ("bulk.txt", _table(BULK, [_new(r, 156, 2015, "H4") for r in rows], **tab), ""),
        "classic": ("COMTRADE-FINALCLASSIC-CA1562015H4[2024-03-10].gz", _table(classic, [_new(r, 156, 2015, "H4") for r in rows], **tab), "gz"),
        "web": ("TradeData.csv", _table(WEB, mixed, mark=",", quote="all", end="\n", tail=","), ""),
        "web 47": ("TradeData.zip", _table(WEB, mixed, mark=",", quote="some", end="\n"), "zip"),
        "legacy web": ("comtrade (3).csv", _table(LEGACY, [_old(r, 360, 2015, "H4") for r in rows], mark=",", quote="some", end="\r\n"), ""),
        "legacy bulk": ("type-C_r-ALL_ps-2015_freq-A_px-H4_pub-20230210_fmt-csv_ex-20230224.zip", _table(LEGACY_BULK, many, mark=",", quote="some", end="\r\n"), "zip"),
        "wits": ("DataJobID-1_1_x.csv", _table(WITS, [_wits(r, 2015) for r in rows], mark=",", quote="all", end="\r\n"), ""),
        "baci": ("BACI_HS12_Y2015_V202301.csv", _table(["t", "i", "j", "k", "v", "q"], baci, mark=",", quote="none", end="\n"), ""),
        "baci zip": ("BACI_HS12_V202301.zip", _table(["t", "i", "j", "k", "v", "q"], baci, mark=",", quote="none", end="\n"), "many"),
    }  # fmt: skip


def packed(text: bytes, how: str) -> bytes:
    """The text as gzip, zip, zip beside a readme, or as it is."""
    if how == "gz":
        return gzip.compress(text, mtime=0)
    if how in ("zip", "many"):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("BACI_HS12_Y2015_V202301.csv" if how == "many" else "data.csv", text)
            if how == "many":
                archive.writestr("country_codes_V202301.csv", "country_code,country_name\n4,Afghanistan\n")
                archive.writestr("Readme.txt", "read me\n")
        return buffer.getvalue()
    return text
