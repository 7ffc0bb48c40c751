"""Meaning of texts that are not written as Comtrade writes them.

A damaged text with only one possible meaning is repaired and counted; for any other text nothing is guessed. Decided
once per distinct text of a file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

import polars as pl

from minsum.schema import FLOWS

TOTAL: Final = "TOTAL"
"""Code of all products together; sorts after every product code."""

CATEGORIES: Final = pl.Series([TOTAL], dtype=pl.Categorical)
"""Keeps the categories of this process alive. Polars forgets them when no column uses any; then codes cached in
`products` or `repairs` would mean other texts."""

TEXT_REPAIRS: Final = ("codes_padded", "codes_unquoted", "codes_decimals", "codes_dotted", "flow_words")
"""Kinds of repair: a lost leading zero; marks and blanks around a code; `.0` after it; dots or blanks inside it; a
flow name beside an empty flow code. The first four are bits of `Product.repairs`, in this order."""

_PADDED, _UNQUOTED, _DECIMALS, _DOTTED = 1, 2, 4, 8

_LETTER: Final = "[A-HJ-NP-Z]"
CODE: Final = "|".join(["[0-9]{6}", *(f"[0-9]{{{6 - n}}}{_LETTER}{{{n}}}" for n in range(1, 5))])
"""Pattern of a product code of six characters; letters stand at the end, as in 9999AA. O and I are not
allowed: 841OOO may be 841000 typed by hand."""

_CODE: Final = re.compile(CODE)
_DIGITS: Final = re.compile("[0-9]{2}|[0-9]{4}|[0-9]{8}|[0-9]{10}")
_ODD: Final = re.compile("[1-9](?:[0-9]{2}){0,4}")
_FLOAT: Final = re.compile("([0-9]{1,10})[.,]0|([0-9]{5,10})[.,]0+")
_GROUPS: Final = re.compile("(?:[0-9]{3,4}|[0-9]{1,2}[. ][0-9]{2})(?:[. ][0-9]{2}){0,3}")
_DOTTED_PRODUCT: Final = re.compile("[0-9]{3,4}[.][0-9]{2}")
_BLANKS: Final = (
    "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\xad\u1680\u180e\u2028\u2029\u202f\u205f\u2060\u3000\ufeff"
    + "".join(map(chr, range(0x2000, 0x2010)))
)
_MARKS: Final = (
    "\"'`\xab\xb4\xbb\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u2032\u2033\u2039\u203a" + _BLANKS
)
_INNER_BLANK: Final = re.compile(r"[\s\u2060\ufeff]")

_LAST_HEADING: Final = (0, 6, 10, 9, 10, 11, 4, 14, 14, 10)
"""Last heading of chapters 01 to 09, in any HS vintage; a code that lost its zero begins with one of these headings."""

_FLOW_WORDS: Final = {
    "export": "X", "import": "M", "reexport": "RX", "reimport": "RM", "domesticexport": "DX", "foreignimport": "FM",
}  # fmt: skip


class Product(NamedTuple):
    """A product code as minsum writes it.

    Attributes
    ----------
    code
        Digits, two digits or more with letters at the end, or TOTAL.
    level
        Number of digits; 0 for TOTAL.
    repairs
        Bits of `TEXT_REPAIRS`; 0 if nothing was repaired.
    """

    code: str
    level: int
    repairs: int = 0


def plain_product(text: str) -> Product | None:
    """A code as Comtrade writes it; None for any other text."""
    if text.startswith("00"):
        return None  # there is no chapter 00: zeros were put in front of a code
    if _CODE.fullmatch(text):
        return Product(text, 6)
    if _DIGITS.fullmatch(text):
        return Product(text, len(text))
    return Product(TOTAL, 0) if text in (TOTAL, "Total") else None


def repaired_product(text: str, *, has_dots: bool) -> Product | None:
    """A damaged code with only one possible meaning; None for any other text.

    Parameters
    ----------
    text
        As in the file.
    has_dots
        Whether the file writes codes as 8703.23; then 2501.00 is a product, not a heading with decimals.
    """
    bare = without_marks(text)
    repairs = 0 if bare == text else _UNQUOTED
    if plain := plain_product(TOTAL if bare.casefold() == "total" else bare):
        return plain._replace(repairs=repairs)
    if number := _FLOAT.fullmatch(bare):
        bare, repairs = number[1] or number[2], repairs | _DECIMALS
    elif not bare.isdigit() and _GROUPS.fullmatch(spaced := _INNER_BLANK.sub(" ", bare)):
        bare, repairs = re.sub("[. ]", "", spaced), repairs | _DOTTED
        is_odd = len(bare) % 2 == 1
        if (
            {".", " "} <= {*spaced}
            or (is_odd and " " in spaced)
            or (not has_dots and _may_have_decimals(spaced))
        ):
            return None
    if _ODD.fullmatch(bare) and _lost_a_zero(bare):
        bare, repairs = f"0{bare}", repairs | _PADDED
    plain = plain_product(bare)
    return plain and plain._replace(repairs=repairs)


def has_dots(texts: list[str]) -> bool:
    """Whether a file writes six digits as 8703.23, judged by texts that cannot be numbers with decimals."""
    return any(_DOTTED_PRODUCT.fullmatch(one) and not one.endswith("0") for one in map(without_marks, texts))


def _may_have_decimals(text: str) -> bool:
    """Whether a text may be a heading with decimals (2501.00), not a product (250100). A number has no leading zero."""
    return text.endswith(".00") and text.count(".") == 1 and not text.startswith("0")


def _lost_a_zero(digits: str) -> bool:
    """Whether an odd number of digits is a code of chapters 01 to 09 without its zero."""
    return len(digits) == 1 or 1 <= int(digits[1:3]) <= _LAST_HEADING[int(digits[0])]


def without_marks(text: str) -> str:
    """The text without blanks, quotes and apostrophes around it, and without a spreadsheet's `=` before them."""
    bare = text.strip(_MARKS)
    return bare[1:].strip(_MARKS) if bare.startswith('="') else bare


def product_problem(text: str) -> tuple[str, str]:
    """Problem and hint for a text that is not a product code."""
    bare = without_marks(text)
    if not bare:
        return "a product code is empty", "complete or remove the row, or download the file again"
    if re.fullmatch(r"[0-9]+([.,][0-9]+)?[eE][+]?[0-9]+", bare):
        return (
            f"product code {text!r} is a number with an exponent, as spreadsheets write long ones",
            "digits are lost: export it again with the codes as text, or download the file again",
        )
    if _DOTTED_PRODUCT.fullmatch(bare):
        digits = bare.replace(".", "")
        return (
            f"product code {text!r} may be product {digits:0>6} or heading {bare[:-3]:0>4} with decimals",
            "write the codes without dots, or download the file again",
        )
    return (
        f"{text!r} is no product code of the HS: TOTAL, or 2, 4, 6, 8 or 10 digits",
        "it may be damaged by a spreadsheet, or of another classification; correct it or download the file again",
    )


def flow_of(text: str, codes: Mapping[str, str]) -> str | None:
    """Comtrade's flow letters for a format's code, for the letters themselves or for an English word; None for other
    texts.

    Parameters
    ----------
    text
        As in the file, in capitals or small letters.
    codes
        The format's codes, in capitals, to flows; a flow may be unknown to Comtrade.
    """
    bare = without_marks(text).upper()
    bare = bare.removesuffix(".0") if bare[:1].isdigit() else bare
    if bare in codes:
        return codes[bare]
    if bare in FLOWS:
        return bare
    return _FLOW_WORDS.get(re.sub(r"[\s_\u2010-\u2015-]", "", bare.casefold()).removesuffix("s"))


def customs_of(text: str) -> str | None:
    """Customs procedure, C00 to C99; None for other texts."""
    bare = without_marks(text).upper()
    return bare if re.fullmatch("C[0-9]{2}", bare) else None


def mos_of(text: str) -> str | None:
    """Mode of supply, -1 to 99; None for other texts."""
    bare = without_marks(text).removesuffix(".0")
    return str(int(bare)) if re.fullmatch("-1|[0-9]{1,2}", bare) else None
