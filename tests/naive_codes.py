"""What texts stand for, slow and obvious; docs/data-rules.md says which damage is undone.

It shares no code with the engine.
"""

from __future__ import annotations

import unicodedata

_QUOTES = "\"'`\xab\xbb\xb4\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u2032\u2033\u2039\u203a"
_HEADINGS = {1: 6, 2: 10, 3: 9, 4: 10, 5: 11, 6: 4, 7: 14, 8: 14, 9: 10}
"""How many headings chapters 01 to 09 have."""

FLOWS = ("DX", "FM", "M", "MIP", "MOP", "RM", "RX", "X", "XIP", "XOP")


def bare(text: str) -> str:
    """Without blanks and quotes around it, nor a spreadsheet's `=` before the first quote."""
    while text and _is_mark(text[0]):
        text = text[1:]
    while text and _is_mark(text[-1]):
        text = text[:-1]
    return bare(text[1:]) if text[:2] == '="' else text


def _is_mark(letter: str) -> bool:
    is_blank = letter.isspace() or unicodedata.category(letter) in ("Zs", "Zl", "Zp", "Cf")
    return letter in _QUOTES or is_blank


def product(text: str, *, has_dots: bool) -> str | None:
    """The code as minsum writes it; None for what is none."""
    found = undone(text, has_dots=has_dots)
    return found and found[0]


def undone(text: str, *, has_dots: bool) -> tuple[str, set[str]] | None:
    """The code, and which kinds of damage were undone; None for what is none."""
    code, kinds = bare(text), set()
    if code != text:
        kinds.add("codes_unquoted")
    if code.upper() == "TOTAL":
        return "TOTAL", kinds
    if code[:2] == "00":
        return None
    if len(code) == 6 and _digits(code.rstrip("ABCDEFGHJKLMNPQRSTUVWXYZ")) and _digits(code[:2]):
        return code, kinds
    before, _, after = code.replace(",", ".").partition(".")
    if (
        _digits(before)
        and len(before) <= 10
        and (after == "0" or (after and set(after) == {"0"} and len(before) > 4))
    ):
        code = before
        kinds.add("codes_decimals")
    groups = "".join(" " if one.isspace() or one in "\u2060\ufeff" else one for one in code)
    for mark in ". ":
        first, *others = groups.split(mark)
        is_heading = len(first) in (3, 4) or (len(first) in (1, 2) and others)
        if (
            others
            and is_heading
            and all(len(one) == 2 for one in others)
            and len(others) <= 3 + (len(first) < 3)
        ):
            joined = first + "".join(others)
            is_decimal = (
                mark == "." and len(others) == 1 and others[0] == "00" and first[0] != "0" and not has_dots
            )
            if _digits(joined) and not is_decimal and not (mark == " " and len(joined) % 2):
                code = joined
                kinds.add("codes_dotted")
    if not _digits(code):
        return None
    if len(code) % 2 and code[0] != "0" and len(code) <= 9:
        heading = int(code[1:3]) if len(code) > 1 else 1
        lost_a_zero = 1 <= heading <= _HEADINGS[int(code[0])]
        return (f"0{code}", kinds | {"codes_padded"}) if lost_a_zero else None
    return (code, kinds) if len(code) in (2, 4, 6, 8, 10) else None


def is_dotted(text: str) -> bool:
    """Whether it is a code like 8703.23, and cannot be a number with decimals."""
    before, dot, after = bare(text).partition(".")
    is_code = len(before) in (3, 4) and len(after) == 2 and after[1] != "0"
    return bool(dot) and is_code and _digits(before + after)


def _digits(text: str) -> bool:
    return bool(text) and set(text) <= set("0123456789")


def flow(text: str, codes: dict[str, str]) -> str | None:
    """Comtrade's letters; None for what is no flow."""
    code = bare(text).upper()
    if code[:1].isdigit() and code.endswith(".0"):
        code = code[:-2]
    if code in codes:
        return codes[code]
    if code in FLOWS:
        return code
    letters = "".join(
        one
        for one in code
        if one.isalpha() or not (one.isspace() or one in "-_\u2010\u2011\u2012\u2013\u2014\u2015")
    )
    words = {
        "EXPORT": "X",
        "IMPORT": "M",
        "REEXPORT": "RX",
        "REIMPORT": "RM",
        "DOMESTICEXPORT": "DX",
        "FOREIGNIMPORT": "FM",
    }
    return words.get(letters.removesuffix("S"))
