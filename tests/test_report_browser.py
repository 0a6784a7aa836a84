"""The pages in a real browser: what a reader sees, moves and prints."""

import base64
import csv
import math
import os
import shutil
import subprocess
import sys

import analysis_folder
import browser
import pytest

from d_q_trial import formatting, labels
from d_q_trial.report.gather import gather
from d_q_trial.report.page import write_report
from d_q_trial.trial import load_trial

LABEL = "Synthetic data: not the trial's participants"
PAGES = ("report.html", "claims.html")
WIDTHS = (360, 768, 1440)
# Rows of the explorer's table, and the columns of cutoffs.csv that they show.
EXPLORED = ("n_first", "n_second", "median_first", "median_second", "hodges_lehmann", "interval", "p")


@pytest.fixture(scope="module")
def driver():
    with browser.running() as found:
        yield found


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = analysis_folder.write(tmp_path_factory.mktemp("results"), figures=("figure_3", "figure_4"), cutoffs=True)
    write_report(gather(folder, folder.parent / "workbook", "config.yaml", "published"), folder)
    return folder


@pytest.fixture(scope="module")
def cutoffs(folder):
    with (folder / "robustness" / "cutoffs.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def find(driver, selector):
    return driver.find_element("css selector", selector)


def find_all(driver, selector):
    return driver.find_elements("css selector", selector)


@pytest.mark.parametrize("page", PAGES)
def test_the_page_asks_the_network_or_complains(driver, folder, page):
    browser.show(driver, folder / page)
    browser.open_all(driver)
    assert browser.requests(driver) == []
    assert driver.get_log("browser") == []
    assert LABEL in find(driver, ".banner").text


def test_a_picture_does_not_load(driver, folder):
    browser.show(driver, folder / "report.html")
    widths = driver.execute_script("return [...document.images].map((i) => i.naturalWidth)")
    assert len(widths) == 2
    assert min(widths) > 500


def test_the_first_screen_lacks_the_study_the_tally_or_the_label(driver, folder):
    browser.show(driver, folder / "report.html", height=900)
    sentences = find_all(driver, ".lead")
    assert len(sentences) == 3
    for element in (find(driver, ".banner"), *sentences, find(driver, ".tally")):
        assert element.rect["y"] + element.rect["height"] < 900
    assert "1,024" in find(driver, "#summary h2").text


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_wider_than_the_window(driver, folder, page, width):
    browser.show(driver, folder / page, width=width)
    browser.open_all(driver)
    assert driver.execute_script("return document.documentElement.scrollWidth") <= width
    # What is wider scrolls within a region of its own; everything else ends within the window.
    outside = driver.execute_script(
        """return [...document.querySelectorAll('main *, nav *')].filter((e) => {
             const box = e.getBoundingClientRect();
             return box.width > 0 && box.right > innerWidth + 1 && !e.closest('.scroll, .drawing');
           }).map((e) => e.outerHTML.slice(0, 80));"""
    )
    assert outside == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("page", PAGES)
def test_the_page_is_hard_to_use_for_some(driver, folder, page, scheme):
    from axe_selenium_python import Axe

    browser.show(driver, folder / page, scheme=scheme)
    browser.open_all(driver)
    # The rows of a table are alike, and looking at thousands of them takes minutes.
    driver.execute_script("document.querySelectorAll('tbody tr:nth-child(n + 25)').forEach((row) => row.remove())")
    axe = Axe(driver)
    axe.inject()
    found = axe.run(options={"resultTypes": ["violations"]})
    assert len(found["passes"]) > 15
    faults = [f"{v['id']}: {node['html'][:160]}" for v in found["violations"] for node in v["nodes"]]
    assert faults == []


# The explorer


def _shown(driver, column):
    return [row.find_elements("css selector", "td")[column].text for row in find_all(driver, "#sides tbody tr")]


def _expected(row, trial):
    decimals = labels.change_decimals(row["measure"], trial.outcomes[row["outcome"]].decimals)
    numbers = {
        name: float(row[name]) if row[name] else math.nan for name in row if name in (*EXPLORED, "lower", "upper")
    }
    number = {name: formatting.number(value, decimals) for name, value in numbers.items()}
    number |= {name: f"{numbers[name]:.0f}" for name in ("n_first", "n_second")}
    number |= {"p": formatting.p_digits(numbers["p"]), "interval": f"{number['lower']} to {number['upper']}"}
    return [number[name] for name in EXPLORED]


def _choose(driver, selector, value):
    from selenium.webdriver.support.select import Select

    Select(find(driver, selector)).select_by_value(value)


def test_the_slider_shows_other_numbers_than_the_table(driver, folder, cutoffs):
    from selenium.webdriver.common.keys import Keys

    trial = load_trial("data/trial.yaml")
    browser.show(driver, folder / "report.html")
    for outcome, visit, marker in (
        ("p1np", "week_2", "p16_variant_5"),
        ("ctx", "week_20", "p16_variant_5"),
        ("ctx", "week_4", "p16_variant_1+5"),
    ):
        own = [row for row in cutoffs if (row["outcome"], row["visit"], row["marker"]) == (outcome, visit, marker)]
        cuts = sorted({float(row["cut"]) for row in own})
        _choose(driver, "#marker", marker)
        _choose(driver, "#choice", f"{outcome}/{visit}")
        slider = find(driver, "#cut")
        slider.send_keys(Keys.HOME)
        seen = set()
        for cut in cuts:
            sides = {row["side"]: row for row in own if float(row["cut"]) == cut}
            for column, side in enumerate(("above", "below")):
                expected = _expected(sides[side], trial) if side in sides else ["too few"] * 7
                assert _shown(driver, column) == expected, (outcome, visit, marker, cut, side)
            seen.add(tuple(_shown(driver, 0)))
            slider.send_keys(Keys.ARROW_RIGHT)
        assert len(seen) > 5


def test_the_explorer_starts_at_other_numbers_than_the_highest_stratum(driver, folder):
    with (folder / "results.csv").open(encoding="utf-8", newline="") as stream:
        place = {"outcome": "p1np", "visit": "week_2", "marker": "p16_variant_5", "stratum": "T3", "statistic": "p"}
        (row,) = [r for r in csv.DictReader(stream) if all(r[k] == v for k, v in place.items()) and r["contrast"]]
    browser.show(driver, folder / "report.html")
    assert find(driver, "#choice").get_attribute("value") == "p1np/week_2"
    shown = _shown(driver, 0)
    assert [shown[0], shown[1], shown[6]] == [row["n_first"], row["n_second"], formatting.p_digits(float(row["value"]))]


def test_dragging_the_line_leaves_the_slider_where_it_was(driver, folder):
    from selenium.webdriver import ActionChains

    browser.show(driver, folder / "report.html")
    chart = find(driver, "#chart")
    driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", chart)
    before = int(find(driver, "#cut").get_attribute("value"))
    text = find(driver, "#cut-value").text
    width = chart.rect["width"]
    ActionChains(driver).move_to_element(chart).click_and_hold().move_by_offset(int(width / 3), 0).release().perform()
    assert int(find(driver, "#cut").get_attribute("value")) > before
    assert find(driver, "#cut-value").text != text
    find(driver, "#own").click()
    assert int(find(driver, "#cut").get_attribute("value")) == before
    assert find(driver, "#cut-value").text == text


def test_the_slider_says_nothing_to_those_who_do_not_see_it(driver, folder):
    from selenium.webdriver.common.keys import Keys

    browser.show(driver, folder / "report.html")
    slider = find(driver, "#cut")
    slider.send_keys(Keys.ARROW_LEFT)
    assert slider.get_attribute("aria-valuetext") == find(driver, "#cut-value").text
    p = _shown(driver, 0)[6]
    assert f"P {p}" in find(driver, "#chart").get_attribute("aria-label")
    assert find(driver, "#told").get_attribute("aria-live") == "polite"


# The table of claims


def _visible(driver):
    return driver.execute_script(
        "return [...document.querySelectorAll('#claims tbody tr')].filter((r) => !r.hidden).map((r) => r.innerText)"
    )


@pytest.mark.parametrize("page", PAGES)
def test_the_filter_keeps_what_it_should_hide(driver, folder, page):
    with (folder / "claims.csv").open(encoding="utf-8", newline="") as stream:
        claims = list(csv.DictReader(stream))
    browser.show(driver, folder / page)
    assert len(_visible(driver)) == len(claims)
    find(driver, "#filter [value='reproduced']").click()
    assert len(_visible(driver)) == sum(row["verdict"] != "reproduced" for row in claims)
    find(driver, "#source").send_keys("registry")
    expected = sum(row["verdict"] != "reproduced" and row["source"] == "registry" for row in claims)
    assert len(_visible(driver)) == expected > 0
    assert find(driver, "#shown").text == f"{expected:,} of {len(claims):,} claims"
    find(driver, "#everything").click()
    find(driver, "#search").send_keys("p1np t3 table")
    assert all("P1NP" in text and "T3" in text for text in _visible(driver))
    find(driver, "#search").clear()
    find(driver, "#search").send_keys("no such claim")
    assert _visible(driver) == []
    assert "0 of" in find(driver, "#shown").text


def test_sorting_by_printed_value_sorts_text(driver, folder):
    browser.show(driver, folder / "claims.html")
    button = find(driver, "#claims th:nth-child(4) button")

    def column():
        texts = driver.execute_script(
            "return [...document.querySelectorAll('#claims tbody tr')].map((r) => r.cells[3].innerText)"
        )
        return [float(t.replace("−", "-").replace(",", "")) for t in texts if t.strip("+−0123456789.,") == ""]

    button.click()
    first = column()
    assert find(driver, "#claims th:nth-child(4)").get_attribute("aria-sort") in ("ascending", "descending")
    button.click()
    second = column()
    assert {tuple(first), tuple(second)} == {tuple(sorted(first)), tuple(sorted(first, reverse=True))}


def test_a_verdict_is_told_by_its_colour_alone(driver, folder):
    browser.show(driver, folder / "claims.html")
    for cell in find_all(driver, "#claims tbody tr:nth-child(50n) td:nth-child(6)"):
        assert cell.text[0] in "✓≈✗·"
        assert len(cell.text) > 4


# Print


def test_print_loses_the_label_or_cuts_off_a_table(driver, folder, tmp_path):
    if not shutil.which("pdftotext"):
        pytest.skip("no pdftotext on the PATH (Debian: apt-get install poppler-utils)")
    browser.show(driver, folder / "report.html", scheme="dark")
    paper = {"printBackground": True, "preferCSSPageSize": True, "paperWidth": 8.27, "paperHeight": 11.69}
    pdf = tmp_path / "report.pdf"
    pdf.write_bytes(base64.b64decode(driver.execute_cdp_cmd("Page.printToPDF", paper)["data"]))
    text = subprocess.run(["pdftotext", "-layout", pdf, "-"], capture_output=True, text=True, check=True).stdout
    pages = text.removesuffix("\f").split("\f")
    assert 5 < len(pages) < 60
    assert all("".join(LABEL.split()) in "".join(page.split()) for page in pages)
    for words in ("Extended Data Table 3", "VEGF", "What came out of", "quartile_type: 7", "0.611"):
        assert words in text


# Machines without a browser


def test_a_machine_without_a_browser_fails_instead_of_skipping(tmp_path):
    python = tmp_path / "python"
    python.symlink_to(sys.executable)
    command = [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", __file__, "-k", "picture"]
    environment = os.environ | {"PATH": str(tmp_path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "1 skipped" in done.stdout
    assert "no Chromium on the PATH" in done.stdout
