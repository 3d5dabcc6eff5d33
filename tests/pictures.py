"""`python -m tests.pictures`: takes the README's pictures of a demo class, page and report, with headless Chromium.

Two are kept beside the protocol, `live.png` and `report.png`; the same in the dark and on a phone go to `artefacts/`,
to be looked at. The drawn class is the same each time: the pictures differ by their times of day and little else.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

from playwright.sync_api import Page, ViewportSize, sync_playwright

from tests.dashboard_protocol.web.browser import ARGUMENTS, CHROMIUM, DESK, PHONE

ROOT = Path(__file__).resolve().parents[1]
KEPT = ROOT / "dashboard_protocol" / "pictures"
LOOKED_AT = ROOT / "artefacts" / "pictures"
SHEET = ViewportSize(width=900, height=1150)
WHOLE = ViewportSize(width=DESK["width"], height=930)
"""A desk's window, as high as the page of the demo class."""
TAKEN_S = 200.0
"""Seconds of class before the live picture: a laugh from 30 to 42 s, half the class away from 74 to 117 s, and back."""
LONG_S = 210.0
"""Seconds of class in the report."""


def main() -> None:
    """Run the demo, take the pictures and say where they are."""
    for folder in (KEPT, LOOKED_AT):
        folder.mkdir(parents=True, exist_ok=True)
    report = LOOKED_AT / "report.html"
    command = ["demo", "--port", "0", "--duration", f"{LONG_S:g}", "--report", str(report)]
    demo = subprocess.Popen(
        [sys.executable, "-m", "bot", *command],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"TZ": "UTC"},
    )
    try:
        assert demo.stdout is not None
        address = next(line.split()[-1] for line in demo.stdout if line.startswith("dashboard"))
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
            page = browser.new_page(
                viewport=WHOLE, color_scheme="light", reduced_motion="reduce", timezone_id="UTC", locale="en-GB"
            )
            page.goto(address)
            next(line for line in demo.stdout if line.startswith("live"))
            time.sleep(TAKEN_S)
            take(page, "live", WHOLE)
            if demo.wait(timeout=120):
                raise SystemExit(f"the demo failed with {demo.returncode}")
            page.goto(report.as_uri())
            take(page, "report", SHEET)
            browser.close()
    finally:
        demo.kill()
        demo.wait()


def take(page: Page, name: str, size: ViewportSize) -> None:
    """Take a page in the size that is kept, in the dark, and on a phone from top to bottom."""
    kept = KEPT / f"{name}.png"
    page.set_viewport_size(size)
    page.screenshot(path=kept)
    page.emulate_media(color_scheme="dark")
    page.screenshot(path=LOOKED_AT / f"{name}-dark.png")
    page.set_viewport_size(PHONE)
    page.emulate_media(color_scheme="light")
    page.wait_for_timeout(1200)  # the page draws once a second
    page.screenshot(path=LOOKED_AT / f"{name}-phone.png", full_page=True)
    page.set_viewport_size(size)
    print(f"{kept.relative_to(ROOT)}, and {LOOKED_AT.relative_to(ROOT)}/{name}-dark.png, {name}-phone.png", flush=True)


if __name__ == "__main__":
    main()
