"""Tables as LaTeX with booktabs that fit the page of the article class: smaller type, wrapped texts, then a turned page.

Widths are computed from those of Computer Modern's letters, rounded up; other fonts of articles are narrower. Great Tables, which
makes the HTML, knows neither the width of a page nor headings that repeat on the next.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from minsum.text_tables import column_blocks

_PAGE: Final = (345.0, 550.0)
"""Width and height of the text of an article at 10 points, letter and A4 paper; in points."""
_SIZES: Final = (
    ("", 1.0, 6.0, 12.0),
    (r"\small", 0.925, 4.0, 11.0),
    (r"\footnotesize", 0.85, 3.0, 9.5),
    (r"\scriptsize", 0.8, 2.0, 8.0),
)
"""Command, width of letters beside 10 points, space on either side of a column (points), height of a line (points)."""
_NARROWEST: Final = 70.0
"""Width to which a column of text is wrapped, points."""
_CAPTION: Final = 40.0
"""Height of caption and rules, points."""
_LETTERS: Final = {
    2.8: "il.,:;'!|`", 3.7: "fjI ", 4.0: "rst()[]{}", 4.5: "cez", 5.0: "0123456789", 5.15: "ao*/?gJ", 5.6: "bdhknpquvxyS",
    6.9: "PFELZ", 7.9: "ABCDGHKNOQRTUVXYw-", 8.4: "m", 9.2: "M", 10.3: "W",
}  # fmt: skip
_WIDTH: Final = {letter: width for width, letters in _LETTERS.items() for letter in letters}
_WIDEST: Final = 8.4
"""Width of signs that are not in the list."""
_ESCAPED: Final = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_\allowbreak{}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}", "/": r"/\allowbreak{}",
    "×": r"$\times$", "²": r"\textsuperscript{2}", "−": "$-$",
}  # fmt: skip
_BREAKS: Final = re.compile(r"(?<=[ _/])")
_MINUS: Final = re.compile(r"(?<![\w.)\]])-(?=[\d.])")


@dataclass(frozen=True, slots=True)
class Columns:
    """Columns of a table as text.

    Attributes
    ----------
    headings
        Heading of each.
    rows
        Cells, row by row.
    aligned
        `l`, `c` or `r` of each; only `l` may wrap.
    ruled
        Rows above which a line stands.
    """

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    aligned: Sequence[str]
    ruled: Collection[int] = ()


@dataclass(frozen=True, slots=True)
class _Layout:
    """How a table fits a page.

    Attributes
    ----------
    size
        Index into `_SIZES`.
    is_turned
        Whether the page is turned.
    widths
        Width of each column in points; None for its natural width.
    blocks
        Columns of each block below the other; one block where the table fits.
    """

    size: int
    is_turned: bool
    widths: Sequence[float | None]
    blocks: Sequence[Sequence[int]]


def latex_table(columns: Columns, *, title: str, name: str, notes: Sequence[str]) -> str:
    """A table with its title as caption and `tab:` with its name as label; a longtable where it passes a page.

    Needs the packages booktabs and caption; longtable for a table longer than a page, pdflscape for one on a turned page.
    """
    layout = _layout(columns)
    command, _scale, gap, _line_height = _SIZES[layout.size]
    label = rf"\label{{tab:{re.sub(r'[^A-Za-z0-9]+', '-', name)}}}"
    is_long = _height(columns, layout, notes) > _PAGE[not layout.is_turned]
    body = [command, rf"\setlength{{\tabcolsep}}{{{gap:g}pt}}"]
    for place, block in enumerate(layout.blocks):
        head = rf"\caption{{{escaped(title)}}}{label}" if title and not place else ""
        lines = (_long if is_long else _short)(columns, layout, block, head)
        body += [r"\par\medskip", *lines] if place and not is_long else lines
    body += _notes(notes, is_long=is_long)
    text = "\n".join(filter(None, body))
    if is_long:
        text = f"\\begingroup\n{text}\n\\endgroup"
    else:
        text = f"\\begin{{table}}[!tbp]\n\\centering\n{text}\n\\end{{table}}"
    return f"\\begin{{landscape}}\n{text}\n\\end{{landscape}}\n" if layout.is_turned else f"{text}\n"


def escaped(text: str) -> str:
    """A text as LaTeX writes it; long names may break at underscores and slashes."""
    signed = _MINUS.sub("−", text)
    return "".join(_ESCAPED.get(sign, sign) for sign in signed)


def _layout(columns: Columns) -> _Layout:
    """The first layout that fits: natural size, smaller type, wrapped texts, a turned page, blocks of columns."""
    natural = [
        max(map(_width, [columns.headings[k], *(row[k] for row in columns.rows)]))
        for k in range(len(columns.headings))
    ]
    least = [
        min(width, max(_NARROWEST, _longest_word([row[k] for row in columns.rows])))
        if columns.aligned[k] == "l"
        else width
        for k, width in enumerate(natural)
    ]
    whole = [range(len(natural))]
    for is_turned in (False, True):
        room = _PAGE[is_turned]
        for size in range(len(_SIZES)):
            if _total(natural, size) <= room:
                return _Layout(size, is_turned, [None] * len(natural), whole)
        for size in (2, 3):
            if _total(least, size) <= room:
                return _Layout(size, is_turned, _wrapped(natural, least, size, room), whole)
    size, room = len(_SIZES) - 1, _PAGE[1]
    _, scale, gap, _ = _SIZES[size]
    width = [min(one * scale, room / 3) + 2 * gap for one in least]
    blocks = column_blocks(width, [one != "r" for one in columns.aligned], room, gap=0)
    widths = [
        one - 2 * gap if aligned == "l" else None for one, aligned in zip(width, columns.aligned, strict=True)
    ]
    return _Layout(size, True, widths, blocks)


def _width(text: str) -> float:
    """Width of a text at 10 points, in points."""
    return sum(_WIDTH.get(sign, _WIDEST) for sign in text)


def _longest_word(texts: Sequence[str]) -> float:
    """Width of the longest piece of these texts that LaTeX does not break, in points."""
    return max((_width(word) for text in texts for word in _BREAKS.split(text)), default=0.0)


def _total(widths: Sequence[float], size: int) -> float:
    _, scale, gap, _ = _SIZES[size]
    return sum(widths) * scale + 2 * gap * (len(widths) - 1)


def _wrapped(natural: Sequence[float], least: Sequence[float], size: int, room: float) -> list[float | None]:
    """Width of each column in points: columns of text share what the others leave, in proportion to what they lack."""
    scale = _SIZES[size][1]
    lacking = [full - low for full, low in zip(natural, least, strict=True)]
    spare = (room - _total(least, size)) / scale
    part = min(1.0, spare / sum(lacking))
    return [
        None if lacks <= 0 else (low + lacks * part) * scale
        for low, lacks in zip(least, lacking, strict=True)
    ]


def _height(columns: Columns, layout: _Layout, notes: Sequence[str]) -> float:
    """Estimated height of a table with its caption and notes, in points."""
    scale, line = _SIZES[layout.size][1], _SIZES[layout.size][3]
    n_lines = 0
    for row in columns.rows:
        wraps = [
            -(-_width(row[k]) * scale * 1.15 // width)
            for k, width in enumerate(layout.widths)
            if width is not None
        ]
        n_lines += int(max([1, *wraps]))
    room = _PAGE[layout.is_turned]
    n_noted = sum(1 + int(_width(note) * 0.85 * 1.1 // room) for note in notes)
    return len(layout.blocks) * (_CAPTION + (n_lines + 1) * line) + n_noted * _SIZES[2][3]


def _short(columns: Columns, layout: _Layout, block: Sequence[int], caption: str) -> list[str]:
    """A block of columns as a tabular."""
    return [
        caption,
        rf"\begin{{tabular}}{{{_aligned(columns, layout, block)}}}",
        r"\toprule",
        _line(columns.headings, layout, block),
        r"\midrule",
        *_body(columns, layout, block),
        r"\bottomrule",
        r"\end{tabular}",
    ]


def _long(columns: Columns, layout: _Layout, block: Sequence[int], caption: str) -> list[str]:
    """A block of columns as a longtable, whose headings stand on every page."""
    head = [r"\toprule", _line(columns.headings, layout, block), r"\midrule"]
    first = [f"{caption}\\\\", *head, r"\endfirsthead"] if caption else []
    return [
        rf"\begin{{longtable}}{{{_aligned(columns, layout, block)}}}",
        *first,
        *head,
        r"\endhead",
        r"\bottomrule",
        r"\endlastfoot",
        *_body(columns, layout, block),
        r"\end{longtable}",
    ]


def _aligned(columns: Columns, layout: _Layout, block: Sequence[int]) -> str:
    widths = {k: layout.widths[k] for k in block}
    kinds = [columns.aligned[k] if width is None else f"p{{{int(width)}pt}}" for k, width in widths.items()]
    return f"@{{}}{''.join(kinds)}@{{}}"


def _body(columns: Columns, layout: _Layout, block: Sequence[int]) -> Iterator[str]:
    for place, row in enumerate(columns.rows):
        if place in columns.ruled:
            yield r"\midrule"
        yield _line(row, layout, block)


def _line(cells: Sequence[str], layout: _Layout, block: Sequence[int]) -> str:
    """A row; after wrapped cells it ends in the command for it, because raggedright changes the double backslash."""
    wraps = ["" if layout.widths[k] is None else r"\raggedright\hspace{0pt}" for k in block]
    texts = [f"{wrap}{escaped(cells[k])}" if cells[k] else "" for wrap, k in zip(wraps, block, strict=True)]
    return " & ".join(texts) + (r" \tabularnewline" if any(wraps) else r" \\")


def _notes(notes: Sequence[str], *, is_long: bool) -> list[str]:
    """Notes below a table, in paragraphs that may pass a page where the table does."""
    if not notes:
        return []
    lines = [rf"{escaped(note)}\par" for note in notes]
    if is_long:
        return [
            r"\begingroup\footnotesize\raggedright\setlength{\parindent}{0pt}",
            *lines,
            r"\endgroup",
        ]
    return [
        r"\par\smallskip",
        r"\begin{minipage}{\linewidth}\footnotesize\raggedright",
        *lines,
        r"\end{minipage}",
    ]
