"""An installed wheel, away from the checkout: the checkout can hide a wheel without its SQL."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]


def test_the_wheel_works_alone(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    wheel = next(tmp_path.glob("minsum-*.whl"))
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {f"minsum/sql/{path.name}" for path in (ROOT / "sql").glob("*.sql")} <= names
    page = ROOT / "engine" / "minsum" / "report" / "page"
    assert {f"minsum/report/page/{path.name}" for path in page.iterdir()} <= names
    tables = ROOT / "engine" / "minsum" / "harmonise" / "tables"
    assert {f"minsum/harmonise/tables/{path.name}" for path in tables.iterdir()} <= names
    assert {"minsum/py.typed", "minsum_kernels/py.typed"} <= names
    site = tmp_path / "site"
    install = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        "--target",
        str(site),
        str(wheel),
    ]
    subprocess.run(install, check=True, capture_output=True)
    code = (
        f"import sys; sys.path.insert(0, {str(site)!r})\n"
        "import minsum, minsum_kernels\n"
        "from minsum.workspace.queries import query\n"
        f"assert minsum.__file__.startswith({str(site)!r}) and minsum_kernels.__file__.startswith({str(site)!r})\n"
        "assert query('panel_sample').startswith('--')\n"
        "print(minsum.esi_matrix([[3, 1, 0], [1, 1, 2]])[0, 1])\n"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=tmp_path
    ).stdout
    assert out.strip() == "0.5"
