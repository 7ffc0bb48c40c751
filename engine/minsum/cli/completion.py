"""Words the shell offers after Tab: countries, references, HS vintages, rules, and views and columns of the workspace."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import click
from click.shell_completion import CompletionItem

from minsum.errors import MinsumError
from minsum.settings.paths import is_remote

_AFTER_FROM: Final = re.compile(r"\b(from|join)\s+$", re.IGNORECASE)
_LAST_WORD: Final = re.compile(r"\w*$")


def countries(context: click.Context, _param: click.Parameter, typed: str) -> list[CompletionItem]:
    """Countries of the workspace, by label or name; every country where there is none yet."""
    from minsum.countries.codes import AREAS, labels

    here = [label for (label,) in _asked(context, "SELECT DISTINCT reporter FROM coverage ORDER BY 1")]
    return _named(here or sorted({label for code, label in labels().items() if code not in AREAS}), typed)


def references(context: click.Context, param: click.Parameter, typed: str) -> list[CompletionItem]:
    """Countries and composites that the workspace has similarities with."""
    here = [label for (label,) in _asked(context, "SELECT DISTINCT reference FROM esi ORDER BY 1")]
    return _named(here, typed) if here else countries(context, param, typed)


def country_list(context: click.Context, param: click.Parameter, typed: str) -> list[CompletionItem]:
    """The last country of a list separated by commas."""
    before, comma, last = typed.rpartition(",")
    found = countries(context, param, last)
    return [CompletionItem(f"{before}{comma}{one.value}", help=one.help) for one in found]


def vintages(context: click.Context, _param: click.Parameter, typed: str) -> list[CompletionItem]:
    """HS vintages of the workspace."""
    here = [kind for (kind,) in _asked(context, "SELECT DISTINCT classification FROM coverage ORDER BY 1")]
    return _beginning(here, typed)


def rules(_context: click.Context, _param: click.Parameter, typed: str) -> list[CompletionItem]:
    """Results that a row can have under the row rules."""
    from minsum.flows.rules import RULES

    return _beginning(RULES, typed)


def query_words(context: click.Context, _param: click.Parameter, typed: str) -> list[CompletionItem]:
    """The query with its last word completed: a view after FROM and JOIN, a view or a column elsewhere."""
    [word] = _LAST_WORD.findall(typed)[:1]
    before = typed[: len(typed) - len(word)]
    found = _asked(context, "SELECT table_name, column_name FROM information_schema.columns")
    views, columns = (sorted(set(names)) for names in zip(*found, strict=True)) if found else ([], [])
    words = views if _AFTER_FROM.search(before) else [*columns, *(one for one in views if one not in columns)]
    return [CompletionItem(f"{before}{one.value}") for one in _beginning(words, word.lower())]


def _beginning(words: Iterable[str], typed: str) -> list[CompletionItem]:
    return [CompletionItem(word) for word in words if word.startswith(typed)]


def _named(labels: list[str], typed: str) -> list[CompletionItem]:
    """Labels that begin with a text, or whose country's name does; without any, the label of another usual name."""
    from minsum.countries.short_names import names_of
    from minsum.countries.suggestions import near_labels

    names, start = names_of(labels), typed.casefold()
    found = [one for one in labels if one.casefold().startswith(start)]
    found += [one for one in labels if one not in found and names[one].casefold().startswith(start)]
    found = found or [one for one in near_labels(typed) if one in names]
    return [CompletionItem(one, help=names[one]) for one in found]


def _asked(context: click.Context, query: str) -> list[tuple[Any, ...]]:
    """Rows of a query over the workspace of the command; none where there is no workspace or table."""
    from minsum.pipeline import Workspace
    from minsum.workspace.layout import find_root

    place = context.params.get("workspace") or Path()
    if is_remote(place):  # a Tab does not wait for a bucket
        return []
    logging.getLogger("minsum").addHandler(logging.NullHandler())  # nothing may be written beside the words
    try:
        relation = Workspace(find_root(place)).sql(query)
        return relation.fetchall() if relation is not None else []
    except MinsumError:
        return []
