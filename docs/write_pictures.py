"""Writes the pictures of the pages from a finished demo: python docs/write_pictures.py demo. Needs chromium."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Final

from playwright.sync_api import sync_playwright

IMAGES: Final = Path(__file__).resolve().parent / "images"
SECTIONS: Final = {
    "report-map": "world",
    "report-picture": "picture",
    "report": "time",
    "report-matrix": "matrix",
}
"""Picture to the section of the report that it shows."""
FIGURES: Final = ("esi_over_time.svg",)
"""Figures of the report that the pages show as they are."""
SIZE: Final = {"width": 1160, "height": 870}


def write(report: Path) -> None:
    """Photograph the sections of a report in a browser, and copy its figures."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport=SIZE, color_scheme="light", reduced_motion="reduce")
        page.goto((report / "index.html").resolve().as_uri())
        page.wait_for_function("document.documentElement.dataset.ready === 'yes'")
        for name, section in SECTIONS.items():
            page.evaluate("id => document.getElementById(id).scrollIntoView()", section)
            page.wait_for_timeout(1_000)  # sections are drawn when they come into view
            page.screenshot(path=IMAGES / f"{name}.png")
        browser.close()
    for name in FIGURES:
        shutil.copyfile(report / name, IMAGES / name)


if __name__ == "__main__":
    write(Path(sys.argv[1]) / "report")
