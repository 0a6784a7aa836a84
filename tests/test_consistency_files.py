"""The command, its inputs and its outputs."""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
import time
from html.parser import HTMLParser
from pathlib import Path

import consistency_example as example
import pytest

from d_q_trial.cli import main
from d_q_trial.consistency import outputs
from d_q_trial.consistency.findings import COLUMNS
from d_q_trial.consistency.lattice import VARIANTS
from d_q_trial.consistency.reported import read_folder
from d_q_trial.errors import UserError

HEADER = "claim,p,n_first,n_second\n"


def run(*arguments):
    return main(["consistency", *map(str, arguments)])


def rows(path):
    with Path(path).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("consistency")
    assert run(example.FOLDER / "claims.csv", "--sizes", example.FOLDER / "sizes.csv", "--output", folder) == 0
    return folder


def test_example_is_the_simulated_one():
    assert (example.FOLDER / "claims.csv").read_text(encoding="utf-8") == example.claims_csv()
    assert (example.FOLDER / "sizes.csv").read_text(encoding="utf-8") == example.SIZES_CSV


def test_example_gives_its_convention_its_sizes_and_its_misprint(written):
    variants = rows(written / "variants.csv")
    assert (variants[0]["variant"], variants[0]["attainable"]) == (example.CONVENTION, "19")
    sizes = [
        (row["n_first"], row["n_second"])
        for row in rows(written / "group_sizes.csv")
        if float(row["probability"]) > 0.01
    ]
    assert sorted(sizes) == [("6", "7"), ("7", "6")]
    unattained = [row for row in rows(written / "p_values.csv") if row["status"] == "not attained"]
    assert [(row["claim"], row["p"]) for row in unattained] == [
        (f"{example.MISPRINTED} first session", example.MISPRINT)
    ]


def test_hand_worked_row_of_the_example_stands_in_the_lattice(written):
    table = {
        row["variant"]: row["u"] for row in rows(written / "lattice.csv") if row["claim"] == "go reaction late session"
    }
    assert table["exact"] == "3"
    assert table["normal_continuity"] == "2"
    assert table["normal"] == ""


def test_findings_are_the_same_as_csv_and_as_json(written):
    table = rows(written / "findings.csv")
    assert tuple(table[0]) == COLUMNS
    assert json.loads((written / "findings.json").read_text(encoding="utf-8")) == table
    assert len({row["finding"] for row in table}) == len(table)


def test_every_table_is_described_for_the_report(written):
    described = json.loads((written / "pieces.json").read_text(encoding="utf-8"))
    assert set(described) == {path.stem for path in written.glob("*.csv")} == set(outputs.TABLES)


def test_outputs_are_the_same_bytes_each_time(written, tmp_path):
    environment = os.environ | {"PYTHONHASHSEED": "7"}
    command = [sys.executable, "-m", "d_q_trial", "consistency", "data/examples/consistency/claims.csv", "--sizes",
               "data/examples/consistency/sizes.csv", "--output", str(tmp_path)]  # fmt: skip
    subprocess.run(command, check=True, env=environment)
    assert {p.name for p in tmp_path.iterdir()} == {p.name for p in written.iterdir()}
    for path in tmp_path.iterdir():
        assert path.read_bytes() == (written / path.name).read_bytes(), path.name


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.pictures, self.ids, self.addresses, self.ticks = [], [], [], 0
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "svg":
            self.pictures.append(attrs)
        self.ids += [attrs["id"]] if "id" in attrs else []
        self.addresses += [attrs[key] for key in ("src", "href") if key in attrs]
        self.ticks += attrs.get("class") in ("tick", "hit")


def test_page_stands_alone_and_names_its_pictures(written):
    text = (written / "consistency.html").read_text(encoding="utf-8")
    page = Page(text)
    assert {address for address in page.addresses if address[0] != "#"} == {"data:,"}
    assert {address[1:] for address in page.addresses if address[0] == "#"} <= set(page.ids)
    assert not re.search("https?:", text)
    assert all(picture["role"] == "img" and picture["aria-label"] for picture in page.pictures)
    assert len(page.ids) == len(set(page.ids))
    assert page.ticks > 6 * len(VARIANTS)


def test_pictures_show_the_counts_of_the_tables(written):
    text = (written / "consistency.html").read_text(encoding="utf-8")
    matrix = text.split("<svg")[1].split("</svg>")[0]
    table = rows(written / "variants.csv")
    assert matrix.count('class="full"') == sum(int(row["attainable"]) for row in table)
    assert matrix.count('class="half"') == sum(int(row["attainable_with_ties"]) for row in table)
    bars = text.split("<h2>Group sizes that are not reported</h2>")[1].split("</svg>")[0]
    assert bars.count("<rect") == len(rows(written / "group_sizes.csv"))
    assert bars.count('<rect class="full"') == 2  # 6 and 7, 7 and 6


def test_every_panel_has_an_axis_to_read(written):
    text = (written / "consistency.html").read_text(encoding="utf-8")
    panels = text.split("<h2>Attainable P-values</h2>")[1].split("<h2>")[0].split("<svg")[1:]
    assert panels
    for panel in panels:
        numbers = re.findall(r'text-anchor="middle">([\d.e-]+)</text>', panel)
        assert len(set(numbers)) >= 2


def test_text_of_the_input_is_neither_markup_nor_formula(tmp_path):
    claims = tmp_path / "claims.csv"
    claims.write_text(HEADER + '"=1+1 <script>alert(1)</script>",0.611,28,28\n', encoding="utf-8")
    assert run(claims, "--output", tmp_path / "out") == 0
    assert "<script>alert" not in (tmp_path / "out/consistency.html").read_text(encoding="utf-8")
    assert rows(tmp_path / "out/p_values.csv")[0]["claim"].startswith("'=")


def test_bound_with_medians_still_gives_a_page(tmp_path):
    claims = tmp_path / "claims.csv"
    claims.write_text(HEADER.strip() + ",median_first,median_second\nonly,<0.001,28,28,3,5\n", encoding="utf-8")
    assert run(claims, "--output", tmp_path / "out") == 0
    assert rows(tmp_path / "out/variants.csv") == []
    assert [row["finding"] for row in rows(tmp_path / "out/findings.csv")] == ["p-against-quartiles"]


def test_groups_too_large_to_tell_are_set_aside_and_do_not_hang(tmp_path):
    claims = tmp_path / "claims.csv"
    claims.write_text(HEADER + "large,0.051,2000,2000\nsmall,0.611,28,28\n", encoding="utf-8")
    start = time.process_time()
    assert run(claims, "--output", tmp_path / "out") == 0
    assert time.process_time() - start < 5
    assert [row["claim"] for row in rows(tmp_path / "out/p_values.csv")] == ["small"]
    assert "large" in next(row["what"] for row in rows(tmp_path / "out/findings.csv") if row["finding"] == "set-aside")


def test_smallest_groups_give_a_page_without_warning(tmp_path):
    claims = tmp_path / "claims.csv"
    claims.write_text(HEADER + "a,1,1,1\nb,0.5,1,1\nc,0.67,2,1\n", encoding="utf-8")
    assert run(claims, "--output", tmp_path / "out") == 0


@pytest.mark.parametrize(
    ("sizes", "words"),
    [
        ("a <= 900\nb <= 900\n", "group sizes: a and b may be so large that nearly every P is attainable"),
        ("a + b + c + d + e = 100\n", "group sizes: more than 20000 solutions for a and b; add constraints"),
        ("a <= 9\n", "group sizes: nothing bounds 'b'"),
    ],
)
def test_sizes_left_too_open_end_in_one_message(tmp_path, capsys, sizes, words):
    (tmp_path / "sizes.csv").write_text("constraint\n" + sizes, encoding="utf-8")
    (tmp_path / "claims.csv").write_text("claim,p,size_first,size_second\nx,0.3,a,b\n", encoding="utf-8")
    assert run(tmp_path / "claims.csv", "--sizes", tmp_path / "sizes.csv", "--output", tmp_path / "out") == 1
    message = capsys.readouterr().err
    assert words in message
    assert message.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("claim,p\n", "no claims below the header"),
        ("claim,n_first\na,3\n", "column 'p' is missing"),
        ("claim,p,n_frist,n_second\na,0.1,3,4\n", "unknown column 'n_frist'; did you mean 'n_first'?"),
        ("claim,p,p\na,0.1,0.1\n", "column 'p' occurs 2 times"),
        (HEADER + "a,0.1,3\n", "row 2: 3 cells, expected 4"),
        (HEADER + "a,0.1,3,4\na,0.2,3,4\n", "row 3, column claim: 'a' is in row 2 too"),
        (HEADER + ",0.1,3,4\n", "row 2, column claim: '', expected a name"),
        (HEADER + "a,p=0.1,3,4\n", "row 2, column p: 'p=0.1', expected a number from 0 to 1"),
        (HEADER + "a,1.2,3,4\n", "row 2, column p: '1.2', expected a number from 0 to 1"),
        (HEADER + "a,nan,3,4\n", "column p: 'nan'"),
        (HEADER + "a,-0.1,3,4\n", "row 2, column p: '-0.1', expected a number from 0 to 1"),
        (HEADER + 'a,"0,05",3,4\n', "row 2, column p: '0,05', expected a number from 0 to 1"),
        (HEADER + 'a,"0,000",3,4\n', "row 2, column p: '0,000', expected a number from 0 to 1"),
        (HEADER + "a,0.1,0,4\n", "row 2, column n_first: '0', expected a whole number from 1 to 2000"),
        (HEADER + "a,0.1,-3,4\n", "row 2, column n_first: '-3', expected a whole number from 1 to 2000"),
        (HEADER + "a,0.1,3,10000\n", "row 2, column n_second: '10000', expected a whole number from 1 to 2000"),
        (HEADER.replace(",", ";") + "a;0,1;3;4\n", "columns are separated by semicolons; expected commas"),
        (HEADER.replace(",", "\t") + "a\t0.1\t3\t4\n", "columns are separated by tabs; expected commas"),
        (HEADER + "a,<0.05,30,30\n", "nothing to check: no rank-sum P-value is reported with a value"),
        ("claim,p,n_first,n_second,test\na,0.03,30,30,chi_squared\n", "nothing to check"),
        ('claim,p,n_first,n_second,median_first\na,0.1,3,4,"2,5"\n', "column median_first: '2,5', expected a number"),
        (HEADER + "a,0.1,3.5,4\n", "row 2, column n_first: '3.5', expected a whole number"),
        (HEADER + "a,0.1,,4\n", "row 2, column n_first: '', expected a number, or a name in size_first"),
        ("claim,p,n_first,n_second,ties\na,0.1,3,4,some\n", "column ties: 'some', expected one of unknown, none, few"),
        ("claim,p,n_first,n_second,step\na,0.1,3,4,0\n", "column step: '0', expected a number above zero"),
        (
            "claim,p,n_first,n_second,q1_first,median_first\na,0.1,3,4,5,4\n",
            "column q1_first: '5', expected no more than median_first, 4",
        ),
    ],
)
def test_bad_claims_end_in_one_message_with_row_and_column(tmp_path, capsys, text, words):
    claims = tmp_path / "claims.csv"
    claims.write_text(text, encoding="utf-8")
    assert run(claims, "--output", tmp_path / "out") == 1
    message = capsys.readouterr().err
    assert words in message
    assert message.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_bytes_of_no_text_end_in_one_message(tmp_path, capsys):
    claims = tmp_path / "claims.csv"
    claims.write_bytes(bytes(range(256)) * 8)
    assert run(claims, "--output", tmp_path / "out") == 1
    message = capsys.readouterr().err
    assert "not UTF-8 text" in message
    assert message.count("\n") == 1


def test_byte_order_mark_of_spreadsheets_is_passed_over(tmp_path):
    claims = tmp_path / "claims.csv"
    claims.write_text(HEADER + "a,0.611,28,28\n", encoding="utf-8-sig")
    assert run(claims, "--output", tmp_path / "out") == 0


def test_other_encoding_is_told(tmp_path, capsys):
    claims = tmp_path / "claims.csv"
    claims.write_bytes((HEADER + "größe,0.1,3,4\n").encode("latin-1"))
    assert run(claims, "--output", tmp_path / "out") == 1
    assert "not UTF-8" in capsys.readouterr().err


def test_malformed_size_names_its_row(tmp_path, capsys):
    (tmp_path / "sizes.csv").write_text("constraint,where\na + b = 3,x\na b = 3,y\n", encoding="utf-8")
    (tmp_path / "claims.csv").write_text(HEADER + "a,0.1,3,4\n", encoding="utf-8")
    assert run(tmp_path / "claims.csv", "--sizes", tmp_path / "sizes.csv", "--output", tmp_path / "out") == 1
    assert "row 3, column constraint: 'a b = 3'" in capsys.readouterr().err


def test_sizes_with_a_folder_are_refused(capsys):
    assert run("data/published", "--sizes", "x.csv") == 1
    assert "--sizes goes with a CSV of claims" in capsys.readouterr().err


def test_folder_without_tests_is_refused(tmp_path, capsys):
    assert run(tmp_path, "--output", tmp_path / "out") == 1
    assert "no tests.csv" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("table", "old", "new", "words"),
    [
        ("tests", ",0.117,", ",O.117,", "row 2, column p: 'O.117', expected a number from 0 to 1"),
        ("tests", ",0.117,", ",1.17,", "row 2, column p: '1.17', expected a number from 0 to 1"),
        ("tests", ",rank_sum,", ",rank-sum,", "row 2, column test: 'rank-sum', expected one of rank_sum"),
        ("summaries", ",74.4,", ',"74,4",', "row 2, column center: '74,4', expected a number with a decimal point"),
        ("counts", ",30", ",-30", "column n: '-30', expected a whole number from 0"),
        ("registry_baseline", ",4.9,", ",,", "row 2, column spread: '', expected a number"),
        ("registry_flow", "d_q,30", "d_q,thirty", "row 2, column n: 'thirty', expected a whole number"),
        ("flow", "d_q,30", "d_q,3.5", "column count: '3.5', expected a whole number"),
        ("statements", ",limit,", ",limits,", "column kind: 'limits', expected one of .*did you mean 'limit'"),
        ("statements", ",1/3,", ",1/0,", "column value: '1/0', expected a fraction between 0 and 1"),
        ("adverse_events", ",affected,", ",number,", "column 'affected' is missing"),
    ],
)
def test_bad_cell_of_a_published_table_names_its_row(tmp_path, table, old, new, words):
    folder = tmp_path / "published"
    shutil.copytree("data/published", folder)
    path = folder / f"{table}.csv"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(UserError, match=rf"{table}\.csv.*{words}"):
        read_folder(folder)


def test_module_knows_nothing_of_this_trial():
    for path in Path("src/d_q_trial/consistency").glob("*.py"):
        text = path.read_text(encoding="utf-8").lower()
        for word in ('d_q"', "d+q", "p16", "p1np", "ctx", "sasp", "senolytic", "farr", "fisetin", "week_"):
            assert word not in text, f"{path.name}: {word}"
