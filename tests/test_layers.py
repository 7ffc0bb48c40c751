"""The import rule, the docs and the public surface, held against the code."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import minsum
import minsum.errors
import minsum_kernels
from minsum.cli import main

ROOT = Path(__file__).parents[1]
ENGINE = ROOT / "engine" / "minsum"
STAGES = {"fetch", "flows", "esi", "panel", "estimates", "report", "export", "synth"}
TOP = {
    "pipeline", "options", "runs", "bench", "cli", "console", "logs", "summary", "status", "check", "staleness", "strays", "progress",
    "advice", "inspect",
}  # fmt: skip


def imports(path: Path) -> set[str]:
    """Modules a file imports, wherever in the file."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def room(path: Path) -> str:
    return path.relative_to(ENGINE).parts[0].removesuffix(".py")


def test_kernels_know_nothing_of_the_engine() -> None:
    for path in (ROOT / "kernels").rglob("*.py"):
        assert not {name for name in imports(path) if name.split(".")[0] == "minsum"}, path


def test_stages_do_not_import_each_other_nor_what_runs_them() -> None:
    for path in ENGINE.rglob("*.py"):
        here = room(path)
        if here in TOP or here == "__init__":
            continue
        for name in imports(path):
            parts = name.split(".")
            if parts[0] == "minsum" and len(parts) > 1:
                assert parts[1] not in TOP, f"{path} imports {name}"
                assert here == parts[1] or parts[1] not in STAGES or here == "matrix", (
                    f"{path} imports {name}"
                )


def test_only_cli_and_console_print() -> None:
    for path in ENGINE.rglob("*.py"):
        if room(path) not in ("cli", "console"):
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
    repairs = set(re.findall(r'"(duplicates|conflicts|parts_repeated|totals_rebuilt|world_\w+)"', build)) - {
        "world_usd",
        "world_vs_partners",
    }
    assert len(repairs) == 8
    for name in (*RULES[1:], *repairs):
        assert f"| `{name}` |" in text, name


def test_every_check_is_documented_and_has_its_query() -> None:
    from minsum.check import IDENTITIES, SIMILARITY

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
