"""Measure the pages of a run: their length in screens at three widths.

``python benchmarks/pages.py results`` prints a row per page; ``--pictures FOLDER`` also saves each page as PNG at every
width in both colour schemes. Needs Chromium and chromedriver.
"""

from __future__ import annotations

import argparse
import base64
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
import browser

SCREENS = ((1440, 900), (768, 1024), (360, 740))


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path, nargs="?", default=Path("results"))
    parser.add_argument("--pictures", type=Path)
    arguments = parser.parse_args(argv)
    pages = sorted(page for page in arguments.results.rglob("*.html") if "tables" not in page.parts)
    print(f"{'page':44}" + "".join(f"{f'{w} x {h}':>12}" for w, h in SCREENS) + f"{'elements':>10}{'kB':>7}")
    with browser.running() as driver:
        for page in pages:
            lengths = []
            for width, height in SCREENS:
                browser.show(driver, page, width=width, height=height)
                tall = driver.execute_script("return document.documentElement.scrollHeight")
                lengths.append(tall / height)
                for scheme in ("light", "dark") if arguments.pictures else ():
                    save(driver, page, arguments, width, height, scheme)
            count = driver.execute_script("return document.querySelectorAll('*').length")
            name = str(page.relative_to(arguments.results))
            size = page.stat().st_size / 1000
            print(f"{name:44}" + "".join(f"{length:>12.1f}" for length in lengths) + f"{count:>10,}{size:>7,.0f}")


def save(driver, page: Path, arguments: argparse.Namespace, width: int, height: int, scheme: str) -> None:
    browser.show(driver, page, width=width, height=height, scheme=scheme)
    picture = driver.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True, **_whole(driver, width)})
    name = "_".join(page.relative_to(arguments.results).with_suffix("").parts)
    target = arguments.pictures / f"{name}_{width}_{scheme}.png"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(base64.b64decode(picture["data"]))


def _whole(driver, width: int) -> dict:
    tall = driver.execute_script("return document.documentElement.scrollHeight")
    return {"clip": {"x": 0, "y": 0, "width": width, "height": tall, "scale": 1}}


if __name__ == "__main__":
    main()
