"""The command that checks internal consistency: inputs, tables and page."""

import json
import re
import time
from pathlib import Path

import consistency_example as example
import pytest

from d_q_trial.cli import main
from d_q_trial.consistency import VARIANTS
from d_q_trial.consistency.findings import Finding
from d_q_trial.files import read_rows as rows

HEADER = "claim,p,n_first,n_second\n"


def run(*arguments):
    return main(["consistency", *map(str, arguments)])


def check(folder, text, sizes=None):
    """Check a CSV of P-values with these contents; the status and the folder of outputs."""
    (folder / "claims.csv").write_text(text, encoding="utf-8")
    arguments = [folder / "claims.csv", "--output", folder / "out"]
    if sizes is not None:
        (folder / "sizes.csv").write_text(sizes, encoding="utf-8")
        arguments += ["--sizes", folder / "sizes.csv"]
    return run(*arguments), folder / "out"


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("consistency")
    assert run(example.FOLDER / "claims.csv", "--sizes", example.FOLDER / "sizes.csv", "--output", folder) == 0
    return folder


@pytest.fixture(scope="module")
def page(written):
    return (written / "consistency.html").read_text(encoding="utf-8")


def test_the_example_is_the_simulated_one_and_gives_its_convention_its_sizes_and_its_misprint(written):
    for name, text in (("claims", example.claims_csv()), ("sizes", example.SIZES_CSV)):
        assert (example.FOLDER / f"{name}.csv").read_text(encoding="utf-8") == text
    variants = rows(written / "variants.csv")
    assert (variants[0]["variant"], variants[0]["attainable"]) == (example.CONVENTION, "19")
    sizes = [(row["n_first"], row["n_second"]) for row in rows(written / "group_sizes.csv") if float(row["probability"]) > 0.01]  # fmt: skip
    assert sorted(sizes) == [("6", "7"), ("7", "6")]
    missed = [(row["claim"], row["p"]) for row in rows(written / "p_values.csv") if row["status"] == "not attained"]
    assert missed == [(f"{example.MISPRINTED} first session", example.MISPRINT)]
    # Worked by hand.
    table = [row for row in rows(written / "lattice.csv") if row["claim"] == "go reaction late session"]
    u = {row["variant"]: row["u"] for row in table}
    assert (u["exact"], u["normal_continuity"], u["normal"]) == ("3", "2", "")


def test_findings_are_the_same_as_csv_and_as_json(written):
    table = rows(written / "findings.csv")
    assert tuple(table[0]) == Finding._fields
    assert json.loads((written / "findings.json").read_text(encoding="utf-8")) == table
    assert len({row["finding"] for row in table}) == len(table)


def test_drawings_are_described_show_the_counts_of_the_tables_and_have_axes(written, page):
    matrix = page.split("<svg")[1].split("</svg>")[0]
    table = rows(written / "variants.csv")
    assert matrix.count('class="full"') == sum(int(row["attainable"]) for row in table)
    assert matrix.count('class="half"') == sum(int(row["attainable_with_ties"]) for row in table)
    bars = page.split("<h2>Group sizes that are not reported</h2>")[1].split("</svg>")[0]
    assert bars.count("<rect") == len(rows(written / "group_sizes.csv"))
    assert bars.count('<rect class="full"') == 2  # 6 and 7, 7 and 6
    panels = page.split("<h2>Attainable <i>P</i>-values</h2>")[1].split("<h2>")[0].split("<svg")[1:]
    assert panels
    for panel in panels:
        assert len(set(re.findall(r'text-anchor="middle">([\d.e-]+)</text>', panel))) >= 2
        assert len(re.findall('class="(?:tick|hit)"', panel)) > len(VARIANTS)
    assert page.count("<svg") == len(re.findall(r'<svg [^>]*role="img" aria-label="[^"]+"', page))
    assert not re.search("https?:", page)


def test_text_of_the_input_is_neither_markup_nor_formula(tmp_path):
    status, out = check(tmp_path, HEADER + '"=1+1 <script>alert(1)</script> {0}",0.611,28,28\n')
    assert status == 0
    assert "<script>alert" not in (out / "consistency.html").read_text(encoding="utf-8")
    assert "\n'=1+1" in (out / "p_values.csv").read_text(encoding="utf-8")


AGAINST = ("p-against-quartiles", "observation")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("only,<0.001,28,28,3,5,,\n", [(AGAINST[0], "agreement")]),
        ("apart,>0.05,28,28,3,6,4,5\n", [("outside-quartiles-apart", "difference"), AGAINST]),
        ("below,<0.000,28,28,,,,\n", [("zero-p-below", "difference")]),
        ("zero,0.000,28,28,,,,\n", [("zero-p-zero", "observation")]),
    ],
)
def test_bounds_and_zeros_give_their_findings_and_no_variant(tmp_path, text, expected):
    status, out = check(tmp_path, HEADER.strip() + ",median_first,median_second,maximum_first,minimum_second\n" + text)
    assert status == 0
    assert rows(out / "variants.csv") == []
    assert [(row["finding"], row["kind"]) for row in rows(out / "findings.csv")] == expected


# Of the normal approximation, for 9 and 12 participants.
NORMAL = "831 055 286 887 076 118 201 088 670 356 227 039 028 434 570"
T_TESTS = "719 297 090 790 114 116 111 332 387 488 826 006 192 348 519"


def table_of(numbers, *more, columns=",ties"):
    """A CSV of P-values without ties: their decimals by group sizes, and more rows."""
    plain = [f"0.{p},{n},none" for n, group in numbers.items() for p in group.split()]
    fields = columns.count(",") - 1
    lines = [f"c{place},{line}{',' * fields}" for place, line in enumerate(plain)]
    return "\n".join([HEADER.strip() + columns, *lines, *more]) + "\n"


SUMMARY = ",ties,q1_first,median_first,q3_first,minimum_first,maximum_first,q1_second,median_second,q3_second"

APART = ",ties,minimum_first,median_first,maximum_first,minimum_second,median_second,maximum_second"


@pytest.mark.parametrize(
    ("text", "words", "none"),
    [
        # With ties P of the same U is another; U is known of P-values without ties alone.
        (table_of({"9,12": NORMAL}, "p,0.049,9,12,,yes", "q,<0.001,9,12,none,yes", columns=",ties,highlight"),
         "0 of 2 P-values of the abstract stay on their side of 0.05 under every variant; this is not known of p and q",
         "depends-on"),
        # No variant and no type of quartiles is ruled out; type 6 and the exact test.
        (table_of({}, "a,<0.0001,13,10,none,136.5,141.7,151.6,96.9,170.6,51.1,60.1,71.5",
                  "b,0.0004,9,17,none,141.3,162.8,165.7,,,-17.8,6.1,76.3", columns=SUMMARY),
         "2 of 2 P-values lie within", "outside-quartiles"),
        (table_of({"9,8": "815 139 277 888"}, "a,0.065,5,8,none,48.6,69.4,71.3,,,38.9,53.7,61.7", columns=SUMMARY),
         "1 of 1 P-values lie within", "outside-quartiles"),
        # With ties the program turned to the normal approximation with continuity correction; and one tail of the exact test.
        (table_of({"9,8": "815 139 277 888 006 036 093 541 423"}, "a,0.008,5,6,few,7,8,9,1,2,3", columns=APART),
         "1 of 1 P-values lie within", "outside-quartiles"),
        (table_of({"9,8": "815 139 277 888"}, "a,0.028,7,2,few,11,12,13,11,14,1,2,3", columns=SUMMARY),
         "1 of 1 P-values lie within", "not-attained"),
        (table_of({}, "a,<0.001,7,7,none,18.0,20.0,22.0,17.0,25.0,8.0,10.0,12.0", columns=SUMMARY),
         "The digits do not determine the definition of the quartiles: types 1, 2, 3 and 6 remain", "outside-quartiles"),
        (table_of({"10,10": T_TESTS}),
         "fit none of the variants better than random digits; perhaps they come from another test", "not-attained"),
        (table_of({}, "a,0.139,9,8,2222.5,2222.0,0.0", columns=",effect,median_first,median_second"),
         "Effect 2222.5 of a: the medians differ by 2221.9 to 2222.1", "effects-agree"),
        (table_of({"9,8": "139 142"}), "The P-values point to the exact test, but do not determine", "not-attained"),
        (HEADER + "a,<0.001,3,3\n", "P < 0.001 of a: the numbers of participants allow 0.00548 to 1", "p-against"),
    ],
)  # fmt: skip
def test_nothing_is_certain_that_the_numbers_leave_open(tmp_path, text, words, none):
    status, out = check(tmp_path, text)
    found = rows(out / "findings.csv")
    assert status == 0
    assert words in " ".join(row["what"] for row in found)
    assert not [row["what"] for row in found if row["finding"].startswith(none)]


def test_a_p_of_exactly_alpha_is_significant_and_not_above_it(tmp_path):
    _, out = check(tmp_path, HEADER.strip() + ",highlight\nextreme,0.050,1,39,yes\n")  # 2 of 40 places of one value
    (row,) = [row for row in rows(out / "findings.csv") if row["finding"].startswith("depends-on-variant")]
    assert float(rows(out / "abstract.csv")[0]["exact"]) == 0.05
    assert "is above 0.05 under the normal approximation" in row["what"]
    assert row["certainty"] == "probable"  # one P-value does not determine the variant, and so not U
    assert "exact test," not in row["what"]


def test_groups_too_large_for_the_lattice_are_set_aside_in_time(tmp_path):
    start = time.process_time()
    status, out = check(tmp_path, HEADER + "large,0.051,2000,2000\nsmall,0.611,28,28\n")
    assert status == 0
    assert time.process_time() - start < 5
    assert [row["claim"] for row in rows(out / "p_values.csv")] == ["small"]
    assert "large" in next(row["what"] for row in rows(out / "findings.csv") if row["finding"] == "set-aside")


def test_the_smallest_groups_give_a_page_without_warning(tmp_path):
    assert check(tmp_path, HEADER + "a,1,1,1\nb,0.5,1,1\nc,0.67,2,1\n")[0] == 0


UNKNOWN = "claim,p,size_first,size_second\nx,0.3,a,b\n"


@pytest.mark.parametrize(
    ("text", "sizes", "words"),
    [
        ("claim,p\n", None, "no claims below the header"),
        ("claim,n_first\na,3\n", None, "the header lacks p"),
        ("claim,p,n_frist,n_second\na,0.1,3,4\n", None, "unknown column 'n_frist'; did you mean 'n_first'?"),
        (HEADER + "a,0.1,3,4\na,0.2,3,4\n", None, "row 3, column claim: 'a' is in row 2 too"),
        (HEADER + ",0.1,3,4\n", None, "row 2, column claim: '', expected a name"),
        (HEADER + "a,0.1,3,10000\n", None, "row 2, column n_second: '10000', expected a whole number from 1 to 2000"),
        (HEADER + "a,0.1,,4\n", None, "row 2, column n_first: '', expected a number, or a name in size_first"),
        (HEADER + "a,<0.05,30,30\n", None, "nothing to check: no rank-sum P-value is reported with a value"),
        ("claim,p,n_first,n_second,test\na,0.03,30,30,chi_squared\n", None, "nothing to check"),
        ("claim,p,n_first,n_second,ties\na,0.1,3,4,some\n", None, "column ties: 'some', expected one of unknown, none"),
        ("claim,p,n_first,n_second,step\na,0.1,3,4,0\n", None, "column step: '0', expected a number above zero"),
        (HEADER + "a,0.1_1,3,4\n", None, "column p: '0.1_1', expected a number from 0 to 1"),
        ("claim,p,n_first,n_second,median_first\na,0.1,3,4,1e999\n", None, "'1e999', expected a number with a decimal point"),
        ("claim,p,n_first,n_second,q1_first,median_first\na,0.1,3,4,5,4\n", None,
         "column q1_first: '5', expected no more than median_first, 4"),
        (HEADER + "a,0.1,3,4\n", "constraint,where\na + b = 3,x\na b = 3,y\n", "row 3, column constraint: 'a b = 3'"),
        (UNKNOWN, "constraint\na <= 900\nb <= 900\n", "group sizes: a and b may be so large that nearly every P is"),
        (UNKNOWN + "y,0.4,c,d\n", "constraint\na + b + c + d + e = 100\n", "more than 20000 solutions for a and b and c and d;"),
        (UNKNOWN, "constraint\na <= 9\n", "group sizes: nothing bounds 'b'"),
        (UNKNOWN, "constraint\na + b = 0\n", "'a + b = 0' (no place given) contradicts those before it"),
        (UNKNOWN, "constraint,where\na + b = 10,Table 1\na >= 11,Table 2\n", "'a >= 11' (Table 2) contradicts those before"),
    ],
)  # fmt: skip
def test_bad_input_ends_in_one_message_with_its_place_and_writes_nothing(tmp_path, capsys, text, sizes, words):
    status, out = check(tmp_path, text, sizes)
    message = capsys.readouterr().err
    assert status == 1
    assert words in message
    assert message.count("\n") == 1
    assert not out.exists()


def test_a_folder_needs_its_tests_with_contrasts_and_takes_no_sizes(tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    for arguments, message in (
        (("data/published", "--sizes", "x.csv"), "--sizes goes with a CSV of claims"),
        ((tmp_path / "empty",), "no tests.csv"),
        ((folder_of(tmp_path / "two", row_of_tests(), row_of_tests("0.142")),),
         "row 3: 'pain, change, week 4' is reported twice in one place"),
    ):  # fmt: skip
        assert run(*arguments, "--output", tmp_path / "out") == 1
        assert message in capsys.readouterr().err


TESTS = "source,locator,outcome,measure,visit,marker,stratum,contrast,test,p_relation,p,effect,direction,n_new,n_old"
COUNTS = "source,locator,outcome,measure,visit,marker,stratum,group,n"


def folder_of(place, *tests, **tables):
    """A folder of published tables: rows of tests.csv, and others as their header and rows."""
    place.mkdir(exist_ok=True)
    for name, lines in ({"tests": (TESTS, *tests)} | tables).items():
        (place / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return place


def row_of_tests(p="0.139", *, outcome="pain", test="rank_sum", where="Table 2", new="9", old="8", relation="="):
    return f"paper,{where},{outcome},change,week_4,,all,new - old,{test},{relation},{p},,,{new},{old}"


KNOWN = row_of_tests(outcome="sleep").replace("week_4", "week_8")
STRATA = (COUNTS, *(f"paper,Fig. 1,pain,change,week_4,sex,{part},both arms,200" for part in ("men", "women")))
SMALL = [f"paper,Fig. 1,pain,change,week_4,,all,{group},9" for group in ("new", "old")]
OF_MEN = row_of_tests(new="", old="").replace(",,all,", ",sex,men,")
OF_YOUNG = row_of_tests(outcome="mood", new="", old="").replace(",,all,", ",age,young,")
LARGE = [*(line.replace(",9", ",200") for line in SMALL), STRATA[1].replace("200", "400")]  # in a trial of men
LARGE.append("paper,Fig. 1,mood,change,week_4,age,young,both arms,20")


@pytest.mark.parametrize(
    ("lines", "tables", "left"),
    [
        ([row_of_tests(test="other")], {}, None),
        ([row_of_tests("0.001", relation="<"), row_of_tests(test="chi_squared", outcome="smoker")], {}, None),
        ([row_of_tests(new="", old="")], {}, "nothing bounds 'all, pain, week_4, new'."),
        ([KNOWN, row_of_tests(new="", old="")], {}, "nothing bounds"),
        ([KNOWN, row_of_tests(old="", relation="<")], {"counts": (COUNTS, SMALL[1].replace(",9", ",0"))}, None),
        ([KNOWN, OF_MEN], {"counts": STRATA}, "may be so large that nearly every P is attainable."),
        ([KNOWN, OF_MEN, OF_YOUNG], {"counts": (COUNTS, *LARGE)}, "200 and 200 may be so large"),
        ([KNOWN, OF_MEN], {"counts": (*STRATA, *SMALL)}, "no numbers meet all constraints together"),
    ],
)
def test_a_sound_folder_gets_a_page_and_p_values_without_numbers_are_left_out(tmp_path, lines, tables, left):
    assert run(folder_of(tmp_path / "in", *lines, **tables), "--output", tmp_path / "out") == 0
    found = {row["finding"]: row for row in rows(tmp_path / "out/findings.csv")}
    page = (tmp_path / "out/consistency.html").read_text(encoding="utf-8")
    assert all(f'id="{name}"' in page for name in found)
    assert ("no-variant" in found) == (KNOWN not in lines)
    assert ("unsettled" in found) == (left is not None)
    if left:
        assert "do not determine their group sizes: pain, change, week 4" in found["unsettled"]["what"]
        assert left in found["unsettled"]["how"]
        assert "mood" not in found["unsettled"]["what"]


AGAIN = row_of_tests(where="Fig. 1")
GROUPS = (COUNTS, *(f"paper,Fig. 1,pain,change,week_4,,all,{group}" for group in ("both arms,17", "new,9", "old,8")))
MEN = (*GROUPS, *(f"paper,Fig. 1,pain,change,week_4,sex,men,{group}" for group in ("both arms,10", "new,6", "old,6")))
VALUES = (*GROUPS, "paper,Fig. 1,pain,value,week_4,,all,both arms,19")
EVENTS = "source,locator,event,group,affected,at_risk,percent"
LISTS = (
    EVENTS,
    "paper,T,Pain,new,3,9,33",
    "registry,a,Pain,new,3,9,",
    "registry,b,Pain,new,1,9,",
    "registry,b,Rash,new,0,9,",
)
ALIKE = (EVENTS, "paper,T,Chest pain,new,2,9,22", "registry,a,Chest infection,new,2,9,", "registry,a,Rash,new,0,9,")
MEDIANS = (COUNTS + ",statistic,center,lower,upper,unit", *(f"{line},median_iqr,,2,4,mm" for line in GROUPS[2:]))
SMOKERS = [MEDIANS[0], *(f"paper,T,smoker,change,week_4,,all,{text},,," for text in ("new,9,count_percent,4", "old,8,count_percent,5"))]  # fmt: skip
ONE = (
    "source,locator,outcome,visit,group,n,statistic,value,spread",
    *(f"r,x,age,baseline,{group},1,mean_sd,71,0" for group in ("new", "total")),
)
DISEASE = (*ALIKE, "paper,T,Bowel infection,new,2,9,22")


@pytest.mark.parametrize(
    ("lines", "tables", "name", "words"),
    [
        ([AGAIN], {}, "sources-differ", None),
        ([AGAIN], {}, "p-values-explained", "Of 1 P-value 1 is attainable"),
        ([AGAIN.replace("0.139", "0.142")], {}, "sources-differ", "P of pain change week_4 new - old differs within the paper"),
        ([], {"counts": [line.replace("new,9", "new,10") for line in GROUPS]}, "sources-differ", "n of pain change week_4 new"),
        ([], {"counts": VALUES}, "sum-", None),
        ([], {"counts": MEN}, "sum-", "pain at week_4, men: the groups add up to 12, the whole is reported as 10"),
        ([], {"counts": GROUPS}, "sums-of", "at 1 place"),
        ([], {"summaries": MEDIANS}, "sources-differ-median", None),
        ([], {"registry_baseline": ONE}, "total-of-means", "the means of the groups average 71.0, and 71 is reported for all"),
        ([row_of_tests("0.457", outcome="smoker", test="chi_squared")], {"summaries": SMOKERS}, "p-of-counts", None),
        ([row_of_tests("0.475", outcome="smoker", test="chi_squared")], {"summaries": SMOKERS}, "p-of-counts",
         "P = 0.475 of smoker is that of none of the usual tests"),
        ([row_of_tests(outcome="mood", test="other")], {"summaries": SMOKERS}, "not-checked", "counts: mood, change, week 4"),
        ([], {"adverse_events": LISTS}, "adverse-events-differ", None),
        ([], {"adverse_events": ALIKE}, "adverse-events-agree", None),
        ([], {"adverse_events": DISEASE}, "adverse-events-agree", "Counts that agree in both sources: 1"),
    ],
)  # fmt: skip
def test_tables_are_checked_row_by_row(tmp_path, lines, tables, name, words):
    assert run(folder_of(tmp_path / "in", row_of_tests(), *lines, **tables), "--output", tmp_path / "out") == 0
    found = [row for row in rows(tmp_path / "out/findings.csv") if row["finding"].startswith(name)]
    assert [words in row["what"] for row in found] == ([True] if words else [])


def test_the_room_knows_nothing_of_this_trial():
    for path in Path("src/d_q_trial/consistency").iterdir():
        text = path.read_text(encoding="utf-8").lower() if path.suffix in (".py", ".yaml") else ""
        for word in ('d_q"', "d+q", "p16", "p1np", "ctx", "sasp", "senolytic", "farr", "fisetin", "week_"):
            assert word not in text, f"{path.name}: {word}"
