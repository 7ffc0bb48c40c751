"""What `minsum init` writes as minsum.toml: the sections with their docstrings, descriptions and defaults."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any, Final, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from minsum.countries.paper import ASEAN_AND_CHINA, PAPER_COUNTRIES, PAPER_YEARS
from minsum.settings.load import Settings
from minsum.settings.panel import DEFAULT_VARIABLES
from minsum.settings.specs import Specification

_HEAD: Final = """\
minsum workspace. Every line is optional; these are the defaults or, where there is none, an example behind "#". A section
behind "#" is off: remove the "#" to ask for it. Environment variables override: MINSUM_ESI__LEVEL=4 stands for level = 4
under [esi].
"""
_PAPER_HEAD: Final = """\
The China-ASEAN panel of the paper. Put the covariate files into covariates/, as their publishers give them: WDI (bulk,
API or DataBank), UNCTADstat FDI, Fraser or Heritage; or tidy tables iso3,year,<variable>. What the paper leaves open:
docs/replication.md.
"""
_FIRST: Final = ("specs", "cluster", "cluster_patience", "fetch", "ingest")
_WIDTH: Final = 118

Given = Mapping[str, Mapping[str, Any]]
"""Section to setting to value."""
_TOGETHER: Final[Given] = {"harmonise": {"target": "H2"}}
_PAPER: Final[Given] = {
    **_TOGETHER,
    "esi": {"references": {"high_end": {"members": ["USA", "DEU"], "rule": "pooled"}}},
    "panel": {
        "reference": "high_end",
        "reporters": PAPER_COUNTRIES,
        "years": PAPER_YEARS,
        "bloc": ASEAN_AND_CHINA,
        "variables": DEFAULT_VARIABLES,
    },
    "estimate": {
        "dependent": "esi",
        "regressors": Specification().regressors,
        "estimators": ["FE", "RE", "FGLS"],
        "effects": ["country"],
    },
    "report": {"paper_notes": True},
}
_WORLD_EXAMPLES: Final[Given] = {
    "fetch": {"classification": "HS"},
    "estimate": {"regressors": ["import_share"]},
}
TEMPLATES: Final = ("empty", "paper", "world")


def template(name: str) -> str:
    """The text of a template of `TEMPLATES`."""
    given = {"paper": _PAPER, "world": _TOGETHER}.get(name, {})
    examples = _WORLD_EXAMPLES if name == "world" else {}
    parts = [[*_comment(_HEAD), *_comment(_PAPER_HEAD if name == "paper" else "")]]
    for key in sorted(Settings.model_fields, key=lambda one: one not in _FIRST):
        field = Settings.model_fields[key]
        section = _section_class(field)
        if section is None:
            parts.append([*_comment(field.description or ""), f"# {key} = {_toml(_example(field))}"])
        else:
            is_default = field.default is not None
            values = given.get(key, {}) if is_default or key in given else None
            parts.append([*_section(key, section, values, examples.get(key, {}), with_defaults=is_default)])
    return "\n".join("\n".join(part) + "\n" for part in parts)


def _section(
    name: str,
    section: type[BaseModel],
    values: Mapping[str, Any] | None,
    examples: Mapping[str, Any],
    *,
    with_defaults: bool,
) -> Iterator[str]:
    """Lines of a section. Without values the section is off: every line is a comment."""
    yield from _comment((section.__doc__ or "").partition("\n\n")[0])
    yield f"[{name}]" if values is not None else f"# [{name}]"
    values, is_on = values or {}, values is not None
    below: list[str] = []
    lines: list[tuple[str, str]] = []
    for key, field in section.model_fields.items():
        inner = _section_class(field)
        if inner is not None and not field.examples:
            continue  # for spec files
        example = examples.get(key, _example(field))
        if inner is not None:
            below += _entries(f"{name}.{key}", inner, values.get(key), example)
            continue
        is_set = key in values or (
            is_on and with_defaults and field.get_default() is not None and not field.is_required()
        )
        value = values.get(key, field.default if is_set else example)
        lines.append((f"{'' if is_set else '# '}{key} = {_toml(value)}", field.description or ""))
    yield from _with_descriptions(lines)
    yield from below


def _entries(
    name: str, inner: type[BaseModel], values: Mapping[str, Any] | None, example: Mapping[str, Any]
) -> Iterator[str]:
    """Settings under names that users choose, one per line."""
    yield from _comment((inner.__doc__ or "").partition("\n\n")[0])
    for key, field in inner.model_fields.items():
        yield from _comment(f"{key}: {field.description}")
    off = "# " if values is None else ""
    yield f"{off}[{name}]"
    yield from (f"{off}{key} = {_toml(value)}" for key, value in (values or example).items())


def _with_descriptions(lines: list[tuple[str, str]]) -> Iterator[str]:
    """Each setting with its description beside it, or above it where it is too long for that."""
    wide = max((len(text) for text, _ in lines if len(text) < _WIDTH // 3), default=0)
    for text, description in lines:
        beside = f"{text:<{wide}}   # {description}"
        if len(beside) <= _WIDTH:
            yield beside.rstrip(" #")
        else:
            yield from _comment(description)
            yield text


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(text, _WIDTH - 2)]


def _section_class(field: FieldInfo) -> type[BaseModel] | None:
    """The class of a section, or of its entries, among the types that a field allows."""
    inside = [field.annotation]
    while inside:
        one = inside.pop()
        if isinstance(one, type) and issubclass(one, BaseModel):
            return one
        inside += get_args(one)
    return None


def _example(field: FieldInfo) -> Any:
    return field.examples[0] if field.examples else field.get_default(call_default_factory=True)


def _toml(value: Any) -> str:
    if isinstance(value, BaseModel):
        value = value.model_dump(exclude_defaults=True)
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{name} = {_toml(one)}' for name, one in value.items())} }}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, float):
        return f"{value:.12g}"
    return json.dumps(value if isinstance(value, (bool, int)) else str(value), ensure_ascii=False)
