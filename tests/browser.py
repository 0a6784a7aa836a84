"""Chromium, driven without a window, for the tests of the pages. Without it these tests skip and say why."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# The page's own file, and what is written into it.
OWN = ("file:", "data:", "about:", "blob:")


@contextmanager
def running() -> Iterator:
    """Start a browser that has no network and keeps a record of what pages ask for."""
    chromium, chromedriver = next(filter(None, map(shutil.which, BROWSERS)), None), shutil.which("chromedriver")
    for name, found in (("Chromium", chromium), ("chromedriver", chromedriver)):
        if not found:
            pytest.skip(f"no {name} on the PATH (Debian: apt-get install chromium chromium-driver)")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    # A root user (as in containers) has no sandbox; the pages are our own.
    flags = ["--headless=new", "--disable-dev-shm-usage", "--disable-background-networking", "--no-first-run"]
    for flag in flags + ["--no-sandbox"] * (os.geteuid() == 0):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(chromedriver))
    driver.set_script_timeout(300)  # a busy machine must not fail a check of the page
    try:
        driver.execute_cdp_cmd("Network.enable", {})
        driver.execute_cdp_cmd(
            "Network.emulateNetworkConditions",
            {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0},
        )
        yield driver
    finally:
        driver.quit()


def show(driver, page: Path, *, width: int = 1440, height: int = 900, scheme: str = "light") -> None:
    """Open a page at a width, in a colour scheme; what was logged before is forgotten."""
    for kind in ("browser", "performance"):
        driver.get_log(kind)
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    wishes = {"prefers-color-scheme": scheme, "prefers-reduced-motion": "reduce"}
    features = [{"name": name, "value": value} for name, value in wishes.items()]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    driver.execute_script("window.left = true")
    driver.get(page.resolve().as_uri())
    loaded(driver, page)


def loaded(driver, page: Path) -> None:
    """Wait until a page stands there whole: while another is still loading, the driver may take that one's end for its own."""
    from selenium.webdriver.support.wait import WebDriverWait

    there = "return !window.left && document.readyState === 'complete' && location.pathname === arguments[0]"
    path = urlsplit(page.resolve().as_uri()).path
    WebDriverWait(driver, 300).until(lambda shown: shown.execute_script(there, path))


def requests(driver) -> list[str]:
    """Addresses that the page asked for, other than itself and what it holds."""
    asked = []
    for entry in driver.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            asked.append(message["params"]["request"]["url"])
    return [address for address in asked if not address.startswith(OWN)]
