"""The pages in headless Chromium: they load nothing, fit the window, are accessible, and their controls work."""

import base64
import csv
import io
import json
import os
import re
import shutil
import subprocess
from urllib.parse import urlsplit

import pytest
from axe_selenium_python import Axe
from pipeline import LABEL
from selenium import webdriver
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.wait import WebDriverWait

from d_q_trial import formatting
from d_q_trial.files import read_rows
from d_q_trial.report import pieces

REPORT, CLAIMS, COMPARISON = "published/report.html", "published/claims.html", "compare/comparison.html"
PAGES = (REPORT, CLAIMS, "thirds/report.html", COMPARISON, "consistency/consistency.html", "index.html")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PLACE = ("p1np", "week_2", "p16_variant_5")  # the initial choice of the explorer
ABOVE, BELOW = (f"#sides tbody td:nth-child({column})" for column in (2, 3))
ROWS = "#claims tbody tr"


@pytest.fixture(scope="session")  # before the fixture of the pages, which are not made without a browser
def driver():
    """A browser without network that logs the requests of pages."""
    chromium, chromedriver = next(filter(None, map(shutil.which, BROWSERS)), None), shutil.which("chromedriver")
    for name, path in (("Chromium", chromium), ("chromedriver", chromedriver)):
        if not path:
            pytest.skip(f"no {name} on the PATH (Debian: apt-get install chromium chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    # The root user of a container has no sandbox; the pages are trusted.
    flags = ["--headless=new", "--disable-dev-shm-usage", "--disable-background-networking", "--no-first-run"]
    for flag in flags + ["--no-sandbox"] * (os.geteuid() == 0):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    with webdriver.Chrome(options=options, service=webdriver.ChromeService(chromedriver)) as driver:
        driver.set_script_timeout(300)  # checks of a page are slow on a busy machine
        driver.execute_cdp_cmd("Network.enable", {})
        conditions = {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
        driver.execute_cdp_cmd("Network.emulateNetworkConditions", conditions)
        yield driver


def show(driver, page, *, width=1440, height=900, scheme="light"):
    """Open a page at a size and in a colour scheme, with empty logs."""
    for kind in ("browser", "performance"):
        driver.get_log(kind)
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    preferences = {"prefers-color-scheme": scheme, "prefers-reduced-motion": "reduce"}
    features = [{"name": name, "value": value} for name, value in preferences.items()]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    driver.execute_script("window.left = true")
    driver.get(page.resolve().as_uri())
    wait_for_page(driver, page)


def wait_for_page(driver, page):
    """Wait until a page is complete; the driver may stop waiting when the previous page is complete."""
    complete = "return !window.left && document.readyState === 'complete' && location.pathname === arguments[0]"
    path = urlsplit(page.resolve().as_uri()).path
    WebDriverWait(driver, 300).until(lambda driver: driver.execute_script(complete, path))


def list_requests(driver):
    """List the addresses that the page requested outside its own file."""
    messages = (json.loads(entry["message"])["message"] for entry in driver.get_log("performance"))
    urls = [sent["params"]["request"]["url"] for sent in messages if sent["method"] == "Network.requestWillBeSent"]
    return [url for url in urls if not url.startswith(("file:", "data:", "about:", "blob:"))]


def find(driver, selector):
    return driver.find_element("css selector", selector)


def choose(driver, **values):
    for name, value in values.items():
        Select(find(driver, f"#{name}")).select_by_value(value)


def list_texts(driver, selector):
    """List the texts of visible elements."""
    script = "return [...document.querySelectorAll(arguments[0])].filter((e) => !e.closest('[hidden]')).map((e) => e.innerText)"
    return driver.execute_script(script, selector)


def scroll_to(driver, selector):
    """Scroll an element to the middle of the window and return it."""
    element = find(driver, selector)
    driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
    return element


LOOKS = [(page, width, "light") for page in PAGES for width in (360, 768, 1440)]
LOOKS += [(page, 1440, "dark") for page in (REPORT, CLAIMS)]


@pytest.mark.parametrize(("page", "width", "scheme"), LOOKS)
def test_a_page_loads_nothing_logs_nothing_fits_the_window_and_is_accessible(driver, pages, page, width, scheme):
    show(driver, pages / page, width=width, scheme=scheme)
    driver.execute_script("document.querySelectorAll('details').forEach((folded) => { folded.open = true; })")
    assert (list_requests(driver), driver.get_log("browser")) == ([], [])
    assert page.startswith("consistency") or LABEL in find(driver, ".banner").text
    assert all(driver.execute_script("return [...document.images].map((i) => i.naturalWidth > 300)"))
    assert driver.execute_script("return document.documentElement.scrollWidth") <= width
    # Only elements in a scrolling region may be wider than the window.
    outside = driver.execute_script(
        """return [...document.querySelectorAll('main *, nav *')].filter((e) => {
             const box = e.getBoundingClientRect();
             return box.width > 0 && box.right > innerWidth + 1 && !e.closest('.scroll, nav');
           }).map((e) => e.outerHTML.slice(0, 80));"""
    )
    assert outside == []
    # The rows of a table are alike; checking thousands of them takes minutes.
    driver.execute_script("document.querySelectorAll('tbody tr:nth-child(n + 25)').forEach((row) => row.remove())")
    axe = Axe(driver)
    axe.inject()
    checks = axe.run(options={"resultTypes": ["violations"]})
    assert len(checks["passes"]) > 15
    assert [f"{v['id']}: {node['html'][:160]}" for v in checks["violations"] for node in v["nodes"]] == []


FIRST = [".banner", ".lead", ".cards"]
ESTIMATES = [f".forest tbody tr:nth-child(2) > :nth-child({column})" for column in (1, 2, 3)]


@pytest.mark.parametrize(
    ("page", "width", "height", "selectors"),
    [
        (REPORT, 1440, 900, [*FIRST, "table.results tbody tr:nth-child(5)"]),
        (REPORT, 360, 740, FIRST),
        (CLAIMS, 360, None, ["#claims tbody td:nth-child(2)"]),
        *((COMPARISON, width, None, ESTIMATES) for width in (360, 768, 1440)),
    ],
)
def test_results_verdicts_and_navigation_are_visible_without_scrolling(driver, pages, page, width, height, selectors):
    show(driver, pages / page, width=width, height=height or 900)
    for selector in selectors:
        box = find(driver, selector).rect
        assert box["x"] + box["width"] <= width, selector
        assert not height or box["y"] + box["height"] < height, selector
    if page == REPORT:  # a third of 31 and 53 screens
        screens = driver.execute_script("return document.documentElement.scrollHeight / innerHeight")
        assert screens < {1440: 31, 360: 53}[width] / 3
        driver.execute_script("scrollTo(0, 5000)")
        navigation = "document.querySelector('nav.contents').getBoundingClientRect().top"
        assert 0 <= driver.execute_script(f"return {navigation}") < height
        find(driver, "nav.contents a[href='#summary']").click()
        assert driver.execute_script("return scrollY") < height


def test_the_slider_of_the_explorer_visits_every_cutoff_and_the_address_keeps_the_state(driver, pages):
    choice = {"marker": "p16_variant_1+5", "choice": "ctx/week_4"}
    show(driver, pages / REPORT)
    assert find(driver, "#choice").get_attribute("value") == "p1np/week_2"
    choose(driver, **choice)
    data = json.loads(driver.execute_script("return document.getElementById('data').textContent"))
    (series,) = [series for series in data["series"] if choice.items() <= series.items()]
    slider = find(driver, "#cut")
    slider.send_keys(webdriver.Keys.HOME)
    for above, below in zip(series["above"], series["below"], strict=True):
        for side, column in ((above, ABOVE), (below, BELOW)):
            cells = list_texts(driver, column)
            assert cells[:2] == side[:2]
            assert cells[6:8] == side[7:] if len(side) > 2 else set(cells[2:8]) == {"too few"}
        slider.send_keys(webdriver.Keys.ARROW_RIGHT)
    slider.send_keys(webdriver.Keys.ARROW_LEFT, webdriver.Keys.ARROW_LEFT)
    before = [find(driver, "#cut-value").text, *list_texts(driver, ABOVE)]
    assert "outcome=ctx&visit=week_4" in driver.current_url
    for address in ("about:blank", driver.current_url):
        driver.get(address)
    assert [find(driver, "#cut-value").text, *list_texts(driver, ABOVE)] == before
    assert 0 <= driver.execute_script("return document.getElementById('explorer').getBoundingClientRect().top") < 99
    assert find(driver, "#choice").get_attribute("value") == "ctx/week_4"


def test_dragging_the_line_of_the_explorer_moves_the_slider(driver, pages):
    show(driver, pages / REPORT)
    chart, slider = scroll_to(driver, "#chart"), find(driver, "#cut")
    before, text = int(slider.get_attribute("value")), find(driver, "#cut-value").text
    step = int(chart.rect["width"] / 3)
    webdriver.ActionChains(driver).move_to_element(chart).click_and_hold().move_by_offset(step, 0).release().perform()
    assert int(slider.get_attribute("value")) > before
    assert slider.get_attribute("aria-valuetext") == find(driver, "#cut-value").text != text
    accessible = [chart.get_attribute("aria-label"), find(driver, "#heard").get_attribute("textContent")]
    assert all(re.search(f"P {list_texts(driver, ABOVE)[6]}|above: too few", text) for text in accessible)
    find(driver, "#own").click()
    assert find(driver, "#cut-value").text == text


def test_both_markers_share_an_axis_that_includes_effects_without_intervals(driver, pages, tmp_path):
    text = (pages / REPORT).read_text(encoding="utf-8")
    start, content, end = re.split(r'(?<=id="data">)(.*?)(?=</script>)', text, maxsplit=1)
    data = json.loads(content)
    for numbers in (n for series in data["series"] for side in pieces.SIDES for n in series[side] if len(n) > 2):
        numbers[5:7] = [formatting.UNDEFINED] * 2
    (tmp_path / "report.html").write_text(f"{start}{json.dumps(data)}{end}", encoding="utf-8")
    domains = []
    for page in (pages / REPORT, tmp_path / "report.html"):
        show(driver, page)
        for marker in ("p16_variant_5", "p16_variant_1+5"):
            choose(driver, marker=marker)
            charts = "[...document.querySelectorAll('#chart svg')]"
            domains.append(driver.execute_script(f"return {charts}.map((svg) => svg.scale('y').domain)"))
    assert (domains[0], domains[2]) == (domains[1], domains[3])
    low, high = domains[2][1]
    assert high - low > 20


def test_a_point_has_a_tooltip_with_participant_change_and_marker_and_a_figure_can_be_enlarged(driver, pages):
    show(driver, pages / REPORT)
    scroll_to(driver, "#chart")
    point = driver.find_elements("css selector", "#chart svg:first-child path[transform]")[-1]
    webdriver.ActionChains(driver).move_to_element(point).pause(0.3).perform()
    spans = "[...document.querySelectorAll('#chart tspan')]"
    tooltip = driver.execute_script(f"return {spans}.map((t) => t.textContent.replace('\u200b', '')).join(' ')")
    assert re.search(r"S\d+, (D\+Q|Control) change −?[\d.]+% p16 variant 5 [\d.]+ AU", tooltip)
    driver.execute_script("arguments[0].click()", scroll_to(driver, "#figure_3 .zoom"))
    assert find(driver, "dialog img").rect["width"] > 1000
    find(driver, "dialog button").click()
    assert not find(driver, "dialog").is_displayed()


def test_the_values_of_the_explorer_can_be_copied_as_csv(driver, pages):
    show(driver, pages / REPORT)
    clipboard = "{value: {writeText: async (text) => { window.copied = text; }}}"
    driver.execute_script(f"Object.defineProperty(navigator, 'clipboard', {clipboard})")
    find(driver, "#copy").click()
    copied = list(csv.DictReader(io.StringIO(driver.execute_script("return window.copied"))))
    assert find(driver, "#copied").text == "Copied"
    table = read_rows(pages / "published/robustness/cutoffs.csv")
    rows = [row for row in table if (row["outcome"], row["visit"], row["marker"]) == PLACE]
    assert len(copied) == 2 * len({row["cut"] for row in rows})
    by_place = {(float(line["cutoff"]), line["side"]): line for line in copied}
    for row in rows:
        line = by_place[float(row["cut"]), row["side"]]
        assert [line[name] for name in ("outcome", "visit", "marker", "data")] == [*PLACE, LABEL]
        assert (line["n D+Q"], line["n Control"]) == (row["n_first"], row["n_second"])
        assert line["P"] == formatting.format_p_digits(float(row["p"]))
        assert bool(line["interaction P"]) == bool(row["p_interaction"])
        assert float(line["Hodges-Lehmann estimate"]) == pytest.approx(float(row["difference"]), abs=0.05)


def test_reported_values_are_sorted_as_numbers_and_can_be_filtered(driver, pages):
    claims = read_rows(pages / CLAIMS.replace("html", "csv"))
    show(driver, pages / CLAIMS)
    assert len(list_texts(driver, ROWS)) == len(claims)
    columns = []
    for _ in range(2):
        driver.execute_script("arguments[0].click()", scroll_to(driver, "#claims th:nth-child(3) button"))
        column = [text.replace("−", "-").replace(",", "") for text in list_texts(driver, f"{ROWS} > :nth-child(3)")]
        columns.append([float(text) for text in column if re.fullmatch(r"[-+]?[\d.]+", text)])
    assert sorted(columns) == sorted([sorted(columns[0]), sorted(columns[0], reverse=True)])
    find(driver, "#filter [value='reproduced']").click()
    find(driver, "#source").send_keys("registry")
    expected = sum(row["verdict"] != "reproduced" and row["source"] == "registry" for row in claims)
    assert len(list_texts(driver, ROWS)) == expected > 0
    assert find(driver, "#shown").text == f"{expected:,} of {len(claims):,} values"
    find(driver, "#everything").click()
    find(driver, "#search").send_keys("p1np t3 table")
    assert all("P1NP" in text and "T3" in text for text in list_texts(driver, ROWS))
    find(driver, "#search").clear()
    find(driver, "#search").send_keys("no such value")
    assert list_texts(driver, ROWS) == []


def test_links_open_the_filtered_reported_values(driver, pages):
    show(driver, pages / REPORT)
    find(driver, ".cards a.bad").click()
    wait_for_page(driver, pages / CLAIMS)
    driver.execute_script("document.querySelector('.skip').click()")  # the filter and its address stay
    WebDriverWait(driver, 30).until(lambda driver: driver.current_url.endswith("verdict=not+reproduced"))
    assert len(list_texts(driver, ROWS)) == 1
    show(driver, pages / REPORT)
    driver.execute_script("arguments[0].click()", scroll_to(driver, "#figure_3 .panels a"))
    wait_for_page(driver, pages / CLAIMS)
    assert {"Fig. 3a" in text for text in list_texts(driver, ROWS)} == {True}
    driver.execute_script("document.querySelector('#claims tbody tr:not([hidden]) td a').click()")
    wait_for_page(driver, pages / REPORT)
    assert driver.current_url.endswith("report.html#figure_3-a")


PRINTED = ("Extended Data Table 3", "Main results", "quartile_type: 7", "0.611", "folded tables, robustness")
MAIN_RESULTS = "published/tables/main_results.html"


@pytest.mark.parametrize(("page", "words"), [(REPORT, PRINTED), (MAIN_RESULTS, ["Main results"])])
def test_every_printed_page_has_the_data_label(driver, pages, tmp_path, page, words):
    show(driver, pages / page, scheme="dark")
    paper = {"printBackground": True, "preferCSSPageSize": True, "paperWidth": 8.27, "paperHeight": 11.69}
    pdf = tmp_path / "report.pdf"
    pdf.write_bytes(base64.b64decode(driver.execute_cdp_cmd("Page.printToPDF", paper)["data"]))
    text = subprocess.run(["pdftotext", "-layout", pdf, "-"], capture_output=True, text=True, check=True).stdout
    sheets = text.removesuffix("\f").split("\f")
    assert 1 < len(sheets) < 20
    assert all(LABEL in sheet for sheet in sheets)
    assert [each for each in words if each not in " ".join(text.split())] == []
