"""Whatever happens to a workspace, one run leaves what a fresh workspace with the present files and settings would hold, or
tells the difference; `status` says before what the run does, and nothing after.

More steps than the suite takes: `python tests/test_state_machine.py EXAMPLES STEPS SEED`.
"""

from __future__ import annotations

import gzip
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

import sketches
from conftest import NAME, bulk_text
from minsum.errors import DataCheckError, MinsumError
from minsum.pipeline import Workspace
from minsum.schema import YEARLY
from minsum.sources.rejections import read_rejections
from minsum.workspace.footers import read_footer
from minsum.workspace.layout import Layout, partition_key
from test_formats import old
from trade_files import LEGACY

CODES: Final = (156, 276, 842)
YEARS: Final = (2014, 2015)
DATES: Final = ("2024-03-10", "2024-06-01", "2024-09-01")
SLICES: Final = ("one.csv", "two.csv", "three.csv")
FLAWS: Final = ("cut", "garbage", "empty", "flipped")
SECTIONS: Final = {
    "classification": ("", 'classification = "H4"', 'classification = "H5"'),
    "flows": ("", 'flows = ["X"]', 'flows = ["M", "X"]'),
    "ingest_reporters": ("", 'reporters = ["CHN", "USA"]', 'reporters = ["CHN", "DEU", "USA"]'),
    "residual": ("", 'residual = "keep"'),
    "levels": ("", "levels = [4]"),
    "reporters": ("", 'reporters = ["CHN", "DEU"]'),
    "references": ("", '[esi.references.both]\nmembers = ["USA", "DEU"]', '[esi.references.all]\nrule = "world"'),
    "sections": ("", "[market_esi]", "[complementarity]\n[destination_esi]"),
    "model": ("", "model"),
}  # fmt: skip
MODEL: Final = """
[panel]
reference = "USA"
bloc = ["CHN"]
[estimate]
regressors = ["lr"]
estimators = ["pooled"]
"""
SPEC: Final = 'specs = ["other.toml"]\n'
STAYS: Final = "stays as it is"
Told = list[tuple[str, str, str]]
"""What status names: what, which, why."""


def bulk(code: int, year: int, version: int) -> bytes:
    """A bulk file; version 9 holds less than half of what the others do."""
    rows = [
        {"reporterCode": code, "period": year, "cmdCode": f"{k}0121", "flowCode": flow, "partnerCode": partner,
         "primaryValue": (1 + (partner == 0)) * (100 + code * k % 37 + 5 * version + year % 7)}
        for k in (10, 22, 27) for flow in "XM" for partner in (0, 842)
    ]  # fmt: skip
    return gzip.compress(bulk_text(rows if version < 9 else rows[:3]), mtime=0)


def web(number: int, version: int) -> bytes:
    """A slice of one reporter-year: one partner each."""
    partner = (0, 842, 276)[number]
    return old(
        [
            {"Reporter Code": 704, "Partner Code": partner, "Commodity Code": f"{k}0121",
             "Trade Value (US$)": 100 + k + number + version}
            for k in (10, 22)
        ],
        LEGACY,
    )  # fmt: skip


def baci(version: int) -> bytes:
    """Three countries of a year of its own, without a vintage in rows or name."""
    lines = [
        f"2016,{i},{j},{k}0121,{(i + k) % 7 + version / 10 + 1},NA"
        for i in CODES
        for j in (36, 842)
        if i != j
        for k in (10, 22)
    ]
    return ("\n".join(["t,i,j,k,v,q", *lines]) + "\n").encode()


class Killed(BaseException):
    """As if the process had been killed: from now on nothing reaches the disk."""


@contextmanager
def killed_after(n: int) -> Iterator[None]:
    """The n-th rename or removal of a file and all later ones do not happen."""
    left = n
    whole = {name: getattr(Path, name) for name in ("replace", "unlink", "rmdir", "write_text")}

    def guarded(name: str) -> Callable[..., object]:
        def one(*given: Any, **named: Any) -> object:
            nonlocal left
            left -= name in ("replace", "unlink")
            if left <= 0:
                raise Killed
            return whole[name](*given, **named)

        return one

    for name in whole:
        setattr(Path, name, guarded(name))
    try:
        yield
    finally:
        for name, method in whole.items():
            setattr(Path, name, method)


def files(folder: Path) -> dict[str, tuple[int, int]]:
    """Every published file with what tells whether it was written anew."""
    layout = Layout(folder)
    places = [layout.flows, layout.estimates, layout.tables, *(layout.table(name) for name in YEARLY)]
    found = [path for place in places for path in place.rglob("*") if path.is_file()]
    found += [path for path in (layout.coverage, *layout.panel_files()) if path.is_file()]
    return {str(path.relative_to(folder)): (path.stat().st_ino, path.stat().st_mtime_ns) for path in found}


def what_and_which(name: str) -> tuple[str, str]:
    """How status calls a published file."""
    path = Path(name)
    if path.parts[0] == "flows":
        return "flows", str(Path(*path.parts[1:-1]))
    if path.parts[0] in YEARLY:
        return path.parts[0], f"{path.parts[1].partition('=')[2]}/{path.stem}"
    if path.parts[0] in ("report", "estimates"):
        return path.parts[0], path.name
    return {"country_years": "panel", "pair_years": "panel"}.get(path.stem, path.stem), path.name


def tables(layout: Layout) -> dict[str, pl.DataFrame]:
    """Rows of everything published but the report."""
    paths = [*layout.partitions(), *(path for name in YEARLY for path in layout.yearly(name))]
    paths += layout.panel_files()
    paths += sorted(layout.estimates.glob("*.parquet"))
    return {
        str(path.relative_to(layout.root)): pl.read_parquet(path, hive_partitioning=False) for path in paths
    }


class Life(RuleBasedStateMachine):
    """What people and disks do to a workspace."""

    n_steps = 0

    def __init__(self) -> None:
        super().__init__()
        self.home = Path(tempfile.mkdtemp(prefix="life-"))
        self.folder = self.home / "w0"
        self.chosen = dict.fromkeys(SECTIONS, 0)
        self.archive: dict[str, bytes] = {}
        self.n_copies = 0
        Workspace(self.folder).init()
        self._prepare(self.folder)

    def teardown(self) -> None:
        shutil.rmtree(self.home)

    # What happens ---------------------------------------------------------------------------------------------

    @rule(
        code=st.sampled_from(CODES), year=st.sampled_from(YEARS), date=st.sampled_from(DATES),
        version=st.sampled_from((0, 1, 2, 9)), runs=st.booleans(),
    )  # fmt: skip
    def bulk_arrives(self, code: int, year: int, date: str, version: int, runs: bool) -> None:
        """New, or under the name of an earlier one: later, earlier, the first again."""
        name = NAME.replace("156", str(code)).replace("2015", str(year)).replace(DATES[0], date)
        self._put(name, bulk(code, year, version), runs=runs)

    @rule(number=st.sampled_from(range(3)), version=st.sampled_from(range(2)), runs=st.booleans())
    def slice_arrives(self, number: int, version: int, runs: bool) -> None:
        self._put(SLICES[number], web(number, version), runs=runs)

    @rule(version=st.sampled_from(range(2)))
    def baci_arrives(self, version: int) -> None:
        self._put("mine.csv", baci(version), runs=True)

    @precondition(lambda self: self._raw())
    @rule(data=st.data(), name=st.sampled_from((*DATES, "plain.gz", "156")), copy=st.booleans())
    def renamed_or_copied(self, data: st.DataObject, name: str, copy: bool) -> None:
        path = data.draw(st.sampled_from(self._raw()))
        new = name if name.endswith(".gz") else path.name.replace("842", name) if name == "156" else path.name
        for date in DATES if name in DATES else ():
            new = new.replace(date, name)
        if path.suffix == ".csv":
            new = f"x{path.name}"
        if not (path.parent / new).exists():
            (shutil.copy if copy else shutil.move)(path, path.parent / new)
            self._settle()

    @precondition(lambda self: self._raw())
    @rule(data=st.data(), how=st.sampled_from(FLAWS))
    def damaged(self, data: st.DataObject, how: str) -> None:
        path = data.draw(st.sampled_from(self._raw()))
        self._put(path.name, spoilt(path.read_bytes(), how), runs=True)

    @precondition(lambda self: self._raw())
    @rule(data=st.data(), runs=st.booleans())
    def removed(self, data: st.DataObject, runs: bool) -> None:
        data.draw(st.sampled_from(self._raw())).unlink()
        self._settle(runs=runs)

    @rule(section=st.sampled_from(sorted(SECTIONS)), choice=st.integers(0, 2), runs=st.booleans())
    def setting_changed(self, section: str, choice: int, runs: bool) -> None:
        self._set(section, choice)
        self._settle(runs=runs)

    @rule(
        n=st.integers(1, 12), section=st.sampled_from(sorted(SECTIONS)), choice=st.integers(0, 2),
        is_put_back=st.booleans(),
    )  # fmt: skip
    def killed(self, n: int, section: str, choice: int, is_put_back: bool) -> None:
        """A run, perhaps under other settings that are put back."""
        before = self.chosen[section]
        self._set(section, choice)
        try:
            with killed_after(n):
                Workspace(self.folder, jobs=2).run()
        except (Killed, MinsumError):
            pass
        if is_put_back:
            self._set(section, before)
        self._settle()

    @rule(is_touched=st.booleans())
    def workspace_copied(self, is_touched: bool) -> None:
        self.n_copies += 1
        new = self.home / f"w{self.n_copies}"
        shutil.copytree(self.folder, new, copy_function=shutil.copy if is_touched else shutil.copy2)
        shutil.rmtree(self.folder)
        self.folder = new
        self._settle()

    @precondition(lambda self: files(self.folder))
    @rule(data=st.data(), how=st.sampled_from(("cut", "empty", "flipped", "gone")))
    def output_damaged(self, data: st.DataObject, how: str) -> None:
        path = self.folder / data.draw(st.sampled_from(sorted(files(self.folder))))
        if how == "gone":
            path.unlink()
        else:
            path.write_bytes(spoilt(path.read_bytes(), how))
        self._settle()

    @rule()
    def accepted(self) -> None:
        self._settle(accept=True)

    # What must hold -------------------------------------------------------------------------------------------

    def _settle(self, *, runs: bool = True, accept: bool = False) -> None:
        """Run once, and compare."""
        Life.n_steps += 1
        if not runs:
            return
        damaged = self._damaged_flows()
        before = None if damaged else self._told()
        was, refused = files(self.folder), self._rejected()
        work = Workspace(self.folder, jobs=2)
        error: MinsumError | None = None
        try:
            work.run(accept=accept)
        except MinsumError as problem:
            error = problem
        if damaged:  # it is told as soon as it is used, and by check; then the way out is to remove it
            is_told = isinstance(error, DataCheckError) and any(
                str(path) in error.message for path in damaged
            )
            still = self._damaged_flows()
            wrong = {Path(self.folder, one.place) for one in Workspace(self.folder, jobs=1).check()}
            assert is_told or error is not None or set(still) <= wrong, (error, damaged, wrong)
            for path in still:
                path.unlink()
            self._settle(accept=accept)
            return
        assert before is not None
        if accept:  # what was refused is read too
            before += [("raw", name, "refused") for name in refused]
        report = work.done
        is_whole = error is None and "panel" not in [one.about for one in report.warnings]
        now = files(self.folder)
        changed = {name for name in was.keys() | now.keys() if was.get(name) != now.get(name)}
        written = {what_and_which(name) for name in changed - {"report/files.json"}}
        self._compare_with_plan(before, written, report, refused=refused, is_whole=is_whole)
        after = self._told()
        held = self._held(after)
        assert not [one for one in after if one[0] not in ("raw", "flows")] or not is_whole, after
        if not held:
            assert not after or not is_whole, after
        if self._rejected():
            assert report.exit_code == 3 or error is not None
        self._compare_with_fresh(held, error)
        again = Workspace(self.folder, jobs=2)
        if error is None:
            again.run()
            assert files(self.folder) == now
            assert not again.done.changed
            assert self._told() == after

    def _compare_with_plan(
        self, before: Told, written: set[tuple[str, str]], report: Any, *, refused: set[str], is_whole: bool
    ) -> None:
        names = {(what, which) for what, which, why in before if STAYS not in why}
        waiting = {which for what, which in names if what == "raw"}
        flows = next((one.summary for one in report.stages if one.stage == "flows"), None)
        if flows is not None:
            known = refused | self._rejected()
            is_said = bool(flows["same_date"])  # renamed, and new content under the old name: both are read
            assert is_said or {*flows["added"], *flows["superseded"]} <= waiting | known, (before, flows)
        for name in next((one.summary["not_drawn"] for one in report.stages if one.stage == "report"), ()):
            names -= {("report", f"{name}.{form}") for form in ("svg", "png")}
        if "esi" in {
            what for what, _ in names
        }:  # how many years can be drawn shows when the similarities are there
            names -= {one for one in names - written if one[1].endswith((".svg", ".png"))}
        if not {"raw", "flows"} & {what for what, _ in names}:
            assert written == names if is_whole else written <= names, (
                written - names,
                names - written,
                before,
            )

    def _held(self, after: Told) -> set[tuple[str, int]]:
        """Classification-years that status says are not as they would be made anew."""
        found = set()
        for what, which, why in after:
            if what == "flows" and STAYS in why:
                classification, year, _ = (part.partition("=")[2] for part in which.split("/"))
                found.add((classification, int(year)))
        from minsum.sources.rejections import read_rejections

        for record in read_rejections(Layout(self.folder)).values():
            if record["kind"] in ("SmallerSourceError", "AbsentSourceError"):
                for place in record["because"]:
                    classification, year, _ = place.split("/")
                    found.add((classification, int(year)))
                if not record["because"]:
                    found |= {(f"H{n}", 2015) for n in range(7)}
        return found

    def _compare_with_fresh(self, held: set[tuple[str, int]], error: MinsumError | None) -> None:
        fresh = self.home / "fresh"
        Workspace(fresh).init()
        self._prepare(fresh)
        raw = Layout(self.folder).raw
        shutil.copytree(raw, fresh / "raw", dirs_exist_ok=True)
        here = {sha256(path.read_bytes()).hexdigest() for path in self._raw()}
        for path in Layout(self.folder).partitions():
            for one in read_footer(path)["sources"]:
                if one.get("assumed") and not SECTIONS["classification"][self.chosen["classification"]]:
                    said = f'[ingest]\nclassification = "{one["assumed"]}"'  # for once, and so it stays
                    text = (fresh / "minsum.toml").read_text()
                    (fresh / "minsum.toml").write_text(
                        text.replace("[ingest]", said) if said not in text else text
                    )
                if one["sha256"] not in here:
                    place = fresh / "raw" / "away" / one["sha256"][:8] / one["name"]
                    place.parent.mkdir(parents=True, exist_ok=True)
                    place.write_bytes(self.archive[one["sha256"]])
        other: MinsumError | None = None
        try:
            Workspace(fresh, jobs=2).run(accept=True)  # what was not accepted here is held
        except MinsumError as problem:
            other = problem
        assert type(other) is type(error), (error, other)
        ours, theirs = tables(Layout(self.folder)), tables(Layout(fresh))
        shutil.rmtree(fresh)
        if error is not None:  # the run ended before it: status goes on telling
            told = {one[:2] for one in self._told()}
            ours = {name: rows for name, rows in ours.items() if what_and_which(name) not in told}
            theirs = {name: rows for name, rows in theirs.items() if what_and_which(name) not in told}
        if held:
            ours, theirs = (
                {name: rows for name, rows in one.items() if not is_held(name, held)}
                for one in (ours, theirs)
            )
        assert ours.keys() == theirs.keys(), (ours.keys() - theirs.keys(), theirs.keys() - ours.keys())
        for name, rows in ours.items():
            assert rows.equals(theirs[name]), (name, rows, theirs[name])

    def _rejected(self) -> set[str]:
        """Names of the sources that status says are refused."""
        return {one["name"] for one in read_rejections(Layout(self.folder)).values()}

    def _told(self) -> Told:
        stale = Workspace(self.folder).status()["stale"]
        return [(one["what"], which, one["why"]) for one in stale for which in one["which"]]

    # How ------------------------------------------------------------------------------------------------------

    def _prepare(self, folder: Path) -> None:
        text = {name: SECTIONS[name][choice] for name, choice in self.chosen.items()}
        (folder / "minsum.toml").write_text("\n".join([
            SPEC if text["model"] else "",
            "[ingest]", text["classification"], text["flows"], text["ingest_reporters"],
            "[esi]", text["residual"], text["levels"], text["reporters"], text["references"], text["sections"],
            MODEL if text["model"] else "",
        ]))  # fmt: skip
        (folder / "other.toml").write_text('regressors = ["lr"]\nestimators = ["pooled"]\n')
        rows = [
            f"{label},{year},{(n * year) % 7 / 10 + 0.1}"
            for n, label in enumerate(("CHN", "DEU", "USA", "VNM"))
            for year in YEARS
        ]
        (folder / "covariates" / "lr.csv").write_text("\n".join(["iso3,year,lr", *rows, ""]))

    def _set(self, section: str, choice: int) -> None:
        self.chosen[section] = choice % len(SECTIONS[section])
        self._prepare(self.folder)

    def _put(self, name: str, content: bytes, *, runs: bool) -> None:
        self.archive[sha256(content).hexdigest()] = content
        (self.folder / "raw" / name).write_bytes(content)
        self._settle(runs=runs)

    def _raw(self) -> list[Path]:
        return sorted((self.folder / "raw").iterdir())

    def _damaged_flows(self) -> list[Path]:
        from minsum.workspace.checksums import damage

        found = []
        for path in Layout(self.folder).partitions():
            try:
                read_footer(path)
                if damage(path) is not None:
                    found.append(path)
            except DataCheckError:
                found.append(path)
        return found


def spoilt(content: bytes, how: str) -> bytes:
    if how == "flipped":
        middle = len(content) // 3
        return content[:middle] + bytes([content[middle] ^ 1 if content else 1]) + content[middle + 1 :]
    return {"cut": content[: len(content) // 2], "garbage": b"<html>" + content[:20], "empty": b""}[how]


def is_held(name: str, held: set[tuple[str, int]]) -> bool:
    """Whether a table depends on reporter-years that are held back."""
    path = Path(name)
    if path.parts[0] == "flows":
        return partition_key(path)[:2] in held
    if path.parts[0] == "section_esi":  # its references are chosen from the last year, for all years
        return path.parts[1].partition("=")[2] in {classification for classification, _ in held}
    if path.parts[0] in YEARLY:
        return (path.parts[1].partition("=")[2], int(path.stem)) in held
    return True


@pytest.mark.slow
@pytest.mark.usefixtures("undrawn")
def test_a_run_leaves_what_a_fresh_workspace_would_hold() -> None:
    run_state_machine_as_test(
        Life,
        settings=settings(
            derandomize=True, max_examples=3, stateful_step_count=8, deadline=None, database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip


def main(examples: int, steps: int, number: int) -> None:
    """As many steps as are asked for."""
    import logging

    logging.disable()
    os.fsync = lambda *_: None
    chosen = settings(
        max_examples=examples, stateful_step_count=steps, deadline=None, database=None,
        suppress_health_check=list(HealthCheck), phases=[Phase.generate],
    )  # fmt: skip
    try:
        with sketches.undrawn():
            run_state_machine_as_test(seed(number)(Life), settings=chosen)
    finally:
        print(f"{Life.n_steps} steps")  # noqa: T201


if __name__ == "__main__":
    main(*(int(one) for one in sys.argv[1:]))
