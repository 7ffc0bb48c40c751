"""One definition a setting: what footers record of it, and what `minsum init` writes of it."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from minsum.esi.jobs import Filed, jobs_of
from minsum.flows.recipe import recipe, rejection_recipe
from minsum.harmonise.harmoniser import Harmoniser
from minsum.report.options import PageOptions
from minsum.settings.flows import Ingest
from minsum.settings.load import Settings, load_settings
from minsum.settings.templates import TEMPLATES, template
from minsum.sources.formats import formats
from minsum.workspace.footers import canonical_json

RECORDED: dict[str, Any] = json.loads((Path(__file__).parent / "recorded_options.json").read_text())
EVERYTHING = """
[ingest]
flows = ["X", "M"]
classification = "H5"
reporters = ["USA", "CHN"]
columns = ["quantity", "net_weight"]
[esi]
basis = "X-RX"
level = 4
levels = [6, 4, 2]
residual = "denominator"
min_products = 3
years = [2014, 2015]
reporters = ["VNM", "TWN"]
[esi.references.high_end]
members = ["USA", "DEU"]
[esi.references.union]
members = ["EU", "CHE"]
rule = "mean_esi"
[esi.references.rest]
rule = "world_minus_self"
[market_esi]
min_flow_usd = 5
markets = ["KOR"]
[complementarity]
[destination_esi]
overlap_usd = true
[harmonise]
target = "H2"
successors = "merge"
[mirror]
reporters = ["VNM"]
min_partners = 3
cif = 1.1
in_world = true
[panel]
classification = "H2"
reporters = ["CHN", "VNM"]
years = [2014]
reference = "high_end"
bloc = ["CHN"]
covariates = "more"
max_width = 0.1
[panel.variables]
gdp = { indicator = "NY.GDP.MKTP.CD", divide_by = 1000000, ln = true, unit = "million_usd" }
pa = { sum_of = ["IP.PAT.RESD", "IP.PAT.NRES"], ln = true, unit = "count" }
[estimate]
[report]
paper_notes = true
"""
WITHOUT_REFERENCE = """
[esi]
level = 2
[esi.references.only]
members = ["USA"]
rule = "common"
[destination_esi]
[market_esi]
[panel]
"""
SETTINGS = {"everything": EVERYTHING, "only reference": WITHOUT_REFERENCE} | {
    name: template(name) for name in TEMPLATES
}


"""With other bytes, lakes and tables made before would be stale."""


def recorded(path: Path) -> dict[str, Any]:
    """By stage, for settings in a file."""
    settings = load_settings(path)
    harmoniser = Harmoniser(settings.harmonise, path.parent) if settings.harmonise else None
    jobs = jobs_of(settings, ["USA"], harmoniser, Filed({}, ["CHN 1995"]))
    page = PageOptions(settings, {}, ["main"]).recorded()
    found: dict[str, Any] = {
        "flows": recipe(settings.ingest),
        "rejected": {
            name: value for name, value in rejection_recipe(settings.ingest).items() if name != "formats"
        },
        "esi": [[job.recipe, job.tables] for job in jobs],
        "page": {name: page[name] for name in page.keys() - {"settings", "section_titles"}},
    }
    if settings.panel is not None:
        found["panel"] = settings.panel.with_reference(settings.esi.references).recorded()
    return found


@pytest.mark.parametrize("name", SETTINGS)
def test_footers_record_the_same_as_before(name: str, tmp_path: Path) -> None:
    (tmp_path / "minsum.toml").write_text(SETTINGS[name])
    found = recorded(tmp_path / "minsum.toml")
    assert canonical_json(found) == canonical_json(RECORDED[name])


def test_another_format_makes_rejected_sources_be_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    before = rejection_recipe(Ingest())
    monkeypatch.setattr("minsum.flows.recipe.formats", lambda: formats()[1:])
    assert rejection_recipe(Ingest()) != before


def test_the_empty_template_says_the_defaults(tmp_path: Path) -> None:
    (tmp_path / "minsum.toml").write_text(template("empty"))
    assert load_settings(tmp_path / "minsum.toml").model_dump() == Settings().model_dump()


def test_the_template_uncommented_is_every_setting_at_its_default_or_example(tmp_path: Path) -> None:
    text = re.sub(r"(?m)^# (?=\[|\w+ = )", "", template("empty"))
    (tmp_path / "minsum.toml").write_text(text)
    settings, given = load_settings(tmp_path / "minsum.toml"), tomllib.loads(text)
    assert given.keys() == Settings.model_fields.keys()
    for name in given.keys() - {"specs", "cluster", "cluster_patience"}:
        section = getattr(settings, name)
        fields = type(section).model_fields
        examples = {key: field.examples[0] for key, field in fields.items() if field.examples}
        assert section == type(section).model_validate(examples), name
        left_out = {key for key in fields if key not in given[name]}
        assert left_out == ({"sample", "fgls", "pcse", "models"} if name == "estimate" else set()), name
        told = {key for key, field in fields.items() if field.description} | {"references", "variables"}
        assert set(fields) - left_out <= told, name
