"""The import rule, the docs and the public surface, held against the code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from graphlib import TopologicalSorter
from pathlib import Path
from typing import get_args

import pytest

import minsum
import minsum.errors
import minsum_kernels
from minsum.cli import main

ROOT = Path(__file__).parents[1]
ENGINE = ROOT / "engine" / "minsum"
LAYERS = (
    {"errors", "schema", "machine", "text_tables"},
    {"countries"},
    {"settings", "workspace"},
    {"sources", "harmonise"},
    {"fetch", "flows", "esi", "panel", "estimate", "report", "export", "synth"},
    {"inspect"},
    {"pipeline", "cluster", "bench"},
    {"cli"},
)
"""Rooms of the engine from the ground up: each knows those of its own layer and below, and a stage no other stage."""
STAGES = LAYERS[4]
MODULES = {
    ".".join(("minsum", *path.relative_to(ENGINE).with_suffix("").parts)).removesuffix(".__init__"): path
    for path in sorted(ENGINE.rglob("*.py"))
}


def imports(path: Path) -> set[str]:
    """Modules a file imports, wherever in the file."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def room(module: str) -> str:
    return module.split(".")[1]


def arrows(edges: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for here, there in edges:
        if here != there:
            found.setdefault(here, set()).add(there)
    return found


@pytest.fixture(scope="module")
def edges() -> list[tuple[str, str]]:
    """Every import of a module of the engine by another; the package itself only hands names on."""
    inner = {name: path for name, path in MODULES.items() if name != "minsum"}
    return [(name, one) for name, path in inner.items() for one in imports(path) & inner.keys()]


def test_kernels_know_nothing_of_the_engine() -> None:
    for path in (ROOT / "kernels").rglob("*.py"):
        assert not {name for name in imports(path) if name.split(".")[0] == "minsum"}, path


def test_no_circles_among_modules_nor_rooms(edges: list[tuple[str, str]]) -> None:
    for graph in (arrows(edges), arrows((room(here), room(there)) for here, there in edges)):
        tuple(TopologicalSorter(graph).static_order())  # raises CycleError and names the circle


def test_rooms_know_none_above_them_and_stages_no_other_stage(edges: list[tuple[str, str]]) -> None:
    height = {name: layer for layer, names in enumerate(LAYERS) for name in names}
    for here, there in edges:
        assert height[room(there)] <= height[room(here)], f"{here} imports {there}"
        if room(here) in STAGES and room(there) in STAGES:
            assert room(here) == room(there), f"{here} imports {there}"


def test_few_rooms_and_no_two_of_nearly_one_name() -> None:
    rooms = {room(name) for name in MODULES if name != "minsum"}
    packages = {path.parent.name for path in ENGINE.glob("*/__init__.py")}
    assert len(rooms - packages) <= 5, "modules at the top"
    assert not {name for name in rooms if name + "s" in rooms}
    for path in ENGINE.rglob("__init__.py"):
        assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), path


def test_only_cli_and_console_print() -> None:
    for path in MODULES.values():
        if path.parent.name != "cli":
            assert not re.search(r"(?<![.\w])print\(", path.read_text(encoding="utf-8")), path


@pytest.mark.parametrize("package", [minsum, minsum_kernels])
def test_public_names_exist_and_are_documented(package: object) -> None:
    for name in package.__all__:  # type: ignore[attr-defined]
        assert getattr(package, name).__doc__, name


def test_every_error_is_drawn_and_pickles() -> None:
    import pickle

    for name, error in vars(minsum.errors).items():
        if isinstance(error, type) and issubclass(error, minsum.errors.MinsumError):
            assert name in (minsum.errors.__doc__ or "")
            again = pickle.loads(pickle.dumps(error("message", "hint")))
            assert (again.message, again.hint, again.exit_code) == ("message", "hint", error.exit_code)


def test_every_command_is_documented() -> None:
    text = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    for name, command in main.commands.items():
        assert f"minsum {name}" in text, name
        assert command.help, name


def test_every_exit_code_is_documented() -> None:
    text = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    codes = {
        error.exit_code
        for error in vars(minsum.errors).values()
        if isinstance(error, type) and hasattr(error, "exit_code")
    }
    assert {int(code) for code in re.findall(r"^\| (\d) \|", text, flags=re.MULTILINE)} == codes | {0}


def test_every_row_rule_and_repair_is_documented() -> None:
    from minsum.flows.rules import RULES

    text = (ROOT / "docs" / "data-rules.md").read_text(encoding="utf-8")
    build = (ENGINE / "flows" / "repairs.py").read_text(encoding="utf-8")
    repairs = set[str]()
    for node in ast.walk(ast.parse(build)):
        match node:
            case ast.Call(ast.Name("_note"), [_, ast.Constant(str(name)), *_]):
                repairs.add(name)
            case ast.For(iter=ast.Tuple(cases)):  # names of several repairs, each with what it is noted for
                repairs |= {one.elts[0].value for one in cases}  # type: ignore[attr-defined]
            case ast.Subscript(ast.Name("repairs"), ast.Constant(str(name))):
                repairs.add(name)
    assert len(repairs) == 10
    for name in (*RULES[1:], *repairs):
        assert f"| `{name}` |" in text, name


def test_every_rule_of_composites_is_documented() -> None:
    from minsum.settings.esi import Composite, Rule

    text = (ROOT / "docs" / "definitions.md").read_text(encoding="utf-8")
    words = re.findall(r"\w+", Composite.model_fields["rule"].description or "")
    for name in get_args(Rule):
        assert f"| `{name}` |" in text, name
        assert name in words, name


def test_every_check_is_documented_and_has_its_query() -> None:
    from minsum.inspect.check import IDENTITIES, SIMILARITY

    text = (ROOT / "docs" / "data-rules.md").read_text(encoding="utf-8")
    for name in ("file", "stray", "keys", "rows", "audit", *IDENTITIES, *SIMILARITY):
        assert f"`{name}`" in text, name
    queries = {path.stem.removeprefix("check_") for path in (ROOT / "sql").glob("check_*.sql")}
    assert queries == {*IDENTITIES, *SIMILARITY}


def test_sql_has_no_templates() -> None:
    for path in (ROOT / "sql").glob("*.sql"):
        assert not re.search(
            r"[{}]|%s",
            path.read_text(encoding="utf-8"),
        ), path
