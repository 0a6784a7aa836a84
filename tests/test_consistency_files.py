"""The check of internal consistency: the command, its inputs, tables and page, and the findings on published tables."""

import json
import re
import time
from pathlib import Path

import consistency_example as example
import pytest
from pipeline import TRIAL

from d_q_trial.cli import main
from d_q_trial.consistency import VARIANTS, checks
from d_q_trial.consistency.findings import Finding, replace_keys
from d_q_trial.consistency.inference import Inference, Report
from d_q_trial.consistency.reported import read_folder
from d_q_trial.files import read_rows

HEADER = "claim,p,n_first,n_second\n"
SIZES = "claim,p,n_first,n_second,size_second,n_both\n"
UNKNOWN_SIZES = "claim,p,size_first,size_second,n_both\n"
TESTS = "source,locator,outcome,measure,visit,marker,stratum,contrast,test,p_relation,p,effect,direction,n_new,n_old"
COUNTS = "source,locator,outcome,measure,visit,marker,stratum,group,n"


def check(folder, claims="", status=0, **tables):
    """Check a CSV of P-values, or a folder of tables as lists of lines, and the exit status; return the outputs' folder."""
    for name, lines in (tables or {"claims": [claims]}).items():
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    path = folder if tables else folder / "claims.csv"
    assert main(["consistency", str(path), "--output", str(folder / "out")]) == status
    return folder / "out"


def test_the_simulated_example_reveals_its_variant_group_sizes_and_misprint_and_the_outputs_agree(tmp_path):
    claims = (example.FOLDER / "claims.csv").read_text(encoding="utf-8")
    assert claims == example.claims_csv()
    outputs = check(tmp_path, claims)
    variants = read_rows(outputs / "variants.csv")
    assert (variants[0]["variant"], variants[0]["attainable"]) == (example.CONVENTION, "19")
    likely = [row for row in read_rows(outputs / "group_sizes.csv") if float(row["probability"]) > 0.01]
    assert sorted((row["n_first"], row["n_second"]) for row in likely) == [("6", "7"), ("7", "6")]
    missed = [row for row in read_rows(outputs / "p_values.csv") if row["status"] == "not attained"]
    assert [(row["claim"], row["p"]) for row in missed] == [(f"{example.MISPRINTED} first session", example.MISPRINT)]
    lattice = [row for row in read_rows(outputs / "lattice.csv") if row["claim"] == "go reaction late session"]
    u = {row["variant"]: row["u"] for row in lattice}
    assert (u["exact"], u["normal_continuity"], u["normal"]) == ("3", "2", "")  # worked by hand
    assert [row["attainable"] for row in lattice] == ["yes" if row["u"] else "no" for row in lattice]
    # CSV and JSON hold the same findings; drawings have descriptions and axes, and match the tables.
    findings = read_rows(outputs / "findings.csv")
    assert tuple(findings[0]) == Finding._fields
    assert json.loads((outputs / "findings.json").read_text(encoding="utf-8")) == findings
    assert len({row["finding"] for row in findings}) == len(findings)
    (missed,) = [row["what"] for row in findings if row["finding"].startswith("not-attained")]
    assert missed.endswith("at 9 and 8, save under the t approximation, no continuity correction")
    page = (outputs / "consistency.html").read_text(encoding="utf-8")
    matrix = page.split("<svg")[1].split("</svg>")[0]
    assert matrix.count('class="full"') == sum(int(row["attainable"]) for row in variants)
    assert matrix.count('class="half"') == sum(int(row["attainable_with_ties"]) for row in variants)
    solutions = page.split("<h2>Group sizes that are not reported</h2>")[1].split("</table>")[0]
    assert "most probable: 6 and 7 (0.5) or 7 and 6 (0.5)" in solutions
    assert solutions.count("<tr><td>") == len(read_rows(outputs / "group_sizes.csv"))
    panels = page.split("<h2>Attainable <i>P</i>-values</h2>")[1].split("<h2>")[0].split("<svg")[1:]
    assert panels
    for panel in panels:
        assert len(set(re.findall(r'text-anchor="middle">([\d.e-]+)</text>', panel))) >= 2
        assert len(re.findall('class="(?:tick|hit)"', panel)) > len(VARIANTS)
    assert page.count("<svg") == len(re.findall(r'<svg [^>]*role="img" aria-label="[^"]+"', page))
    assert not re.search("https?:", page)


def test_input_text_becomes_neither_markup_nor_formula(tmp_path):
    out = check(tmp_path, HEADER + '"=1+1 <script>alert(1)</script> {0}",0.611,28,28\n')
    assert "<script>alert" not in (out / "consistency.html").read_text(encoding="utf-8")
    assert "\n'=1+1" in (out / "p_values.csv").read_text(encoding="utf-8")


@pytest.mark.parametrize(("row", "expected"), [
    ("only,<0.001,28,28,3,5,,\n", [("p-against-quartiles", "agreement")]),
    ("apart,>0.05,28,28,3,6,4,5\n",
     [("outside-quartiles-apart", "difference"), ("p-against-quartiles", "observation")]),
    ("below,<0.000,28,28,,,,\n", [("zero-p-below", "difference")]),
    ("zero,0.000,28,28,,,,\n", [("zero-p-zero", "observation")]),
])  # fmt: skip
def test_bounds_and_zeros_give_findings_but_no_variant(tmp_path, row, expected):
    header = HEADER.strip() + ",median_first,median_second,maximum_first,minimum_second\n"
    out = check(tmp_path, header + row)
    assert read_rows(out / "variants.csv") == []
    assert [(row["finding"], row["kind"]) for row in read_rows(out / "findings.csv")] == expected


NORMAL = "831 055 286 887 076 118 201 088 670 356 227 039 028 434 570"  # normal approximation, 9 and 12 participants
T_TESTS = "719 297 090 790 114 116 111 332 387 488 826 006 192 348 519"
SUMMARY = ",ties,q1_first,median_first,q3_first,minimum_first,maximum_first,q1_second,median_second,q3_second"
APART = ",ties,minimum_first,median_first,maximum_first,minimum_second,median_second,maximum_second"


def table_of(decimals, *rows, columns=",ties"):
    """Write a CSV of P-values without ties, given as their decimals by group sizes, and further rows."""
    padding = "," * (columns.count(",") - 1)
    untied = [f"0.{p},{sizes},none{padding}" for sizes, group in decimals.items() for p in group.split()]
    return "\n".join([HEADER.strip() + columns, *(f"c{i},{row}" for i, row in enumerate(untied)), *rows]) + "\n"


@pytest.mark.parametrize(("text", "message", "absent"), [
    # Ties change the P of a given U; U is known only for P-values without ties.
    (table_of({"9,12": NORMAL}, "p,0.049,9,12,,yes", "q,<0.001,9,12,none,yes", columns=",ties,highlight"),
     "0 of 2 P-values of the abstract stay on their side of 0.05 under every variant; this is not known of p and q",
     "depends-on"),
    # No variant and no type of quartiles is ruled out; type 6 and the exact test.
    (table_of({}, "a,<0.0001,13,10,none,136.5,141.7,151.6,96.9,170.6,51.1,60.1,71.5",
              "b,0.0004,9,17,none,141.3,162.8,165.7,,,-17.8,6.1,76.3", columns=SUMMARY),
     "2 of 2 P-values lie within", "outside-quartiles"),
    (table_of({"9,8": "815 139 277 888"}, "a,0.065,5,8,none,48.6,69.4,71.3,,,38.9,53.7,61.7", columns=SUMMARY),
     "1 of 1 P-values lie within", "outside-quartiles"),
    # With ties, software may use the normal approximation with continuity correction; then one tail of the exact test.
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
    (HEADER + "a,<0.001,3,3\n", "P < 0.001 of a: the numbers of participants allow 0.025 to 1", "p-against"),
    # 10 of the 2002 arrangements of 0, 2, 2, 2, 2 and nine times 1 are as far from the mean, and 5 of 18564.
    (table_of({}, "a,0.005,5,9,,2,2,2,0,2,1,1,1", "b,<0.001,6,12,,2,2,2,0,2,1,1,1", columns=SUMMARY),
     "2 of 2 P-values lie within", "outside-quartiles"),
    (table_of({}, "a,0.12,1,7,none,4,4,4,0,1,2", columns=APART), "1 of 1 P-values lie within", "outside-quartiles"),  # 1 / 8
    (table_of({}, "a,0.31,9,8,,5.4,5,7,,,3,4,6", columns=SUMMARY), "1 of 1 P-values lie", "outside"),  # 5.40 and 5.45
    (HEADER + "a,1,1,1\nb,0.5,1,1\nc,0.67,2,1\n", "Of 3 P-values 2 are attainable", "not-attained"),
])  # fmt: skip
def test_findings_claim_no_more_than_the_numbers_determine(tmp_path, text, message, absent):
    out = check(tmp_path, text)
    findings = read_rows(out / "findings.csv")
    assert message in " ".join(row["what"] for row in findings)
    assert not [row["what"] for row in findings if row["finding"].startswith(absent)]


def test_p_equal_to_alpha_counts_as_significant(tmp_path):
    out = check(tmp_path, HEADER.strip() + ",highlight\nextreme,0.050,1,39,yes\n")  # 2 of 40 ranks of one value
    (row,) = [row for row in read_rows(out / "findings.csv") if row["finding"].startswith("depends-on-variant")]
    assert float(read_rows(out / "abstract.csv")[0]["exact"]) == 0.05
    assert "is above 0.05 under the normal approximation" in row["what"]
    assert row["certainty"] == "probable"  # one P-value does not determine the variant, and so not U
    assert "exact test," not in row["what"]


def test_groups_too_large_are_set_aside_within_seconds_and_of_unreported_size_have_what_the_other_leaves(tmp_path):
    start = time.process_time()
    out = check(tmp_path, SIZES + "large,0.051,2000,2000,,\nsmall,0.127,9,,b,17\n")
    assert time.process_time() - start < 5
    (row,) = read_rows(out / "p_values.csv")
    assert (row["claim"], row["n_first"], row["n_second"]) == ("small", "9", "8")
    assert "large" in next(row["what"] for row in read_rows(out / "findings.csv") if row["finding"] == "set-aside")


def row_of_tests(p="0.139", *, outcome="pain", test="rank_sum", where="Table 2", new="9", old="8", relation="="):
    return f"paper,{where},{outcome},change,week_4,,all,new - old,{test},{relation},{p},,,{new},{old}"


@pytest.mark.parametrize(("claims", "message"), [
    ("claim,p\n", "no claims below the header"),
    ("claim,n_first\na,3\n", "the header lacks p"),
    ("claim,p,n_frist,n_second\na,0.1,3,4\n", "unknown column 'n_frist'; did you mean 'n_first'?"),
    (HEADER + "a,0.1,3,4\na,0.2,3,4\n", "row 3, column claim: 'a' is in row 2 too"),
    (HEADER + ",0.1,3,4\n", "row 2, column claim: '', expected a name"),
    (HEADER + "a,0.1,3,10000\n", "row 2, column n_second: '10000', expected a whole number from 1 to 2000"),
    (SIZES + "a,0.1,9,8,,99\n", "row 2, column n_both: '99', expected 17 by the group sizes"),
    (SIZES + "a,0.1,9,8,,16\n", "row 2, column n_both: '16', expected 17 by the group sizes"),
    (SIZES + "a,0.1,9,,x,5\n", "row 2, column n_both: '5', expected at least 10 by the group sizes"),
    (HEADER + "a,0.1,,4\n", "row 2, column n_first: '', expected a number, or a name in size_first"),
    (HEADER + "a,<0.05,30,30\n", "nothing to check: no rank-sum P-value is reported with a value"),
    ("claim,p,n_first,n_second,test\na,0.03,30,30,chi_squared\n", "nothing to check"),
    ("claim,p,n_first,n_second,ties\na,0.1,3,4,some\n", "column ties: 'some', expected one of unknown, none"),
    ("claim,p,n_first,n_second,step\na,0.1,3,4,0\n", "column step: '0', expected a number above zero"),
    (HEADER + "a,0.1_1,3,4\n", "column p: '0.1_1', expected a number from 0 to 1"),
    ("claim,p,n_first,n_second,median_first\na,0.1,3,4,1e999\n", "'1e999', expected a number with a decimal point"),
    ("claim,p,n_first,n_second,q1_first,median_first\na,0.1,3,4,5,4\n",
     "column q1_first: '5', expected no more than median_first, 4"),
    ("claim,p,n_first,n_second,q1_first,median_first,q3_first\na,0.1,3,4,5.4,5,4.6\n", "'5.4', expected no more than q3_first"),
    (UNKNOWN_SIZES + "x,0.3,a,b,\n", "row 2, column n_first: '', expected a number, or a name in size_first and the size of both"),
    (UNKNOWN_SIZES + "x,0.3,a,b,900\n", "group sizes: a and b may be so large that nearly every P is"),
    (UNKNOWN_SIZES + "x,0.3,a,b,10\ny,0.4,a,b,11\n", "'a + b = 11' (row 3) contradicts those before"),
    ({"counts": [COUNTS]}, "no tests.csv"),
    ({"tests": [TESTS, row_of_tests(), row_of_tests("0.142")]}, "row 3: 'pain, change, week 4' is reported twice in one place"),
])  # fmt: skip
def test_bad_input_gives_one_message_with_its_place_and_no_output(tmp_path, capsys, claims, message):
    tables = {"claims": claims} if isinstance(claims, str) else claims
    out = check(tmp_path, **tables, status=1)
    printed = capsys.readouterr().err
    assert message in printed
    assert printed.count("\n") == 1
    assert not out.exists()


KNOWN_SIZES = row_of_tests(outcome="sleep").replace("week_4", "week_8")
STRATA = (COUNTS, *(f"paper,Fig. 1,pain,change,week_4,sex,{sex},both arms,200" for sex in ("men", "women")))
SMALL = [f"paper,Fig. 1,pain,change,week_4,,all,{arm},9" for arm in ("new", "old")]
MEN = row_of_tests(new="", old="").replace(",,all,", ",sex,men,")
YOUNG = row_of_tests(outcome="mood", new="", old="").replace(",,all,", ",age,young,")
LARGE = [*(row.replace(",9", ",200") for row in SMALL), STRATA[1].replace("200", "400")]  # in a trial of men
THREE_ARMS = [row.replace("both arms,200", "both arms,12") for row in STRATA]
THREE_ARMS += [row.replace("both arms,12", "third,4") for row in THREE_ARMS[1:]]
THREE_ARMS += [SMALL[0].replace("new,9", group) for group in ("new,8", "old,8", "third,8", "both arms,24")]
PART = [COUNTS, *(SMALL[0].replace("new,9", group) for group in ("both arms,24", "new,12", "old,12"))]
PART += [STRATA[1].replace("200", "12"), STRATA[2].replace("200", "6")]  # of 24
LARGE.append("paper,Fig. 1,mood,change,week_4,age,young,both arms,20")


@pytest.mark.parametrize(("tests", "tables", "reason"), [
    ([row_of_tests(test="other")], {}, None),
    ([row_of_tests("0.001", relation="<"), row_of_tests(test="chi_squared", outcome="smoker")], {}, None),
    ([row_of_tests(new="", old="")], {}, "nothing bounds 'new (all, pain, week_4)'."),
    ([KNOWN_SIZES, row_of_tests(new="", old="")], {}, "nothing bounds"),
    ([KNOWN_SIZES, row_of_tests(old="", relation="<")], {"counts": (COUNTS, SMALL[1].replace(",9", ",0"))}, None),
    ([KNOWN_SIZES, MEN], {"counts": STRATA}, "may be so large that nearly every P is attainable (expected at most 22500 pairs)."),
    ([KNOWN_SIZES, MEN, YOUNG], {"counts": (COUNTS, *LARGE)}, "200 and 200 may be so large"),
    ([KNOWN_SIZES, MEN], {"counts": (*STRATA, *SMALL)}, "no numbers meet all constraints together"),
    ([KNOWN_SIZES, MEN], {"counts": PART}, None),
    ([KNOWN_SIZES, MEN], {"counts": THREE_ARMS}, None),  # 4 of each arm in each stratum meet all sums
    ([KNOWN_SIZES, MEN], {"counts": [row for row in THREE_ARMS if "third" not in row]}, None),
])  # fmt: skip
def test_p_values_with_undetermined_group_sizes_are_left_out(tmp_path, tests, tables, reason):
    out = check(tmp_path, tests=[TESTS, *tests], **tables)
    findings = {row["finding"]: row for row in read_rows(out / "findings.csv")}
    page = (out / "consistency.html").read_text(encoding="utf-8")
    assert all(f'id="{name}"' in page for name in findings)
    assert ("no-variant" in findings) == (KNOWN_SIZES not in tests)
    assert ("unsettled" in findings) == (reason is not None)
    if reason:
        assert "do not determine their group sizes: pain, change, week 4" in findings["unsettled"]["what"]
        assert reason in findings["unsettled"]["how"]
        assert "mood" not in findings["unsettled"]["what"]


AGAIN = row_of_tests(where="Fig. 1")
THIRD_ARM = row_of_tests(new="", old="3").replace("new - old", "third - old")
GROUPS = (COUNTS, *(f"paper,Fig. 1,pain,change,week_4,,all,{group}" for group in ("both arms,17", "new,9", "old,8")))
OF_MEN = [f"paper,Fig. 1,pain,change,week_4,sex,men,{group}" for group in ("both arms,10", "new,6", "old,6")]
VALUES = (*GROUPS, "paper,Fig. 1,pain,value,week_4,,all,both arms,19")
EVENTS = "source,locator,event,group,affected,at_risk,percent"
IN_REGISTRY = [f"registry,{row},9," for row in ("a,Pain,new,3", "b,Pain,new,1", "b,Rash,new,0")]
ALIKE = (EVENTS, "paper,T,Chest pain,new,2,9,22", "registry,a,Chest infection,new,2,9,", "registry,a,Rash,new,0,9,")
MEDIANS = (COUNTS + ",statistic,center,lower,upper,unit", *(f"{row},median_iqr,,2,4,mm" for row in GROUPS[2:]))
SMOKERS = [f"paper,T,smoker,change,week_4,,all,{x},,," for x in ("new,9,count_percent,4", "old,8,count_percent,5")]
SMOKERS.insert(0, MEDIANS[0])
AGES = [f"r,x,age,baseline,{group},1,mean_sd,71,0" for group in ("new", "total")]
AGES.insert(0, "source,locator,outcome,visit,group,n,statistic,value,spread")
LATER = [row.replace("baseline,", "week_4,").replace(",71,", ",75,") for row in AGES[2:]]
FLOW = "source,locator,milestone,reason,group,n"
STARTED = [FLOW, *(f"r,x,started,,{group},30" for group in ("new", "old"))]
LEFT = "source,locator,step,arm,count,text"
NOT_COMPLETED = [FLOW, "r,x,not_completed,,new,2"]


@pytest.mark.parametrize(("tests", "tables", "finding", "message"), [
    ([AGAIN], {}, "sources-differ", None),
    ([AGAIN], {}, "p-values-explained", "Of 1 P-value 1 is attainable"),
    ([AGAIN.replace("0.139", "0.14")], {}, "sources-differ", None),  # compared at the decimals that both report
    ([AGAIN.replace("0.139", "0.142")], {}, "sources-differ", "P of pain change week_4 new - old differs within the paper"),
    ([row_of_tests("0.05", where="Fig. 1", relation="<")], {}, "sources-differ", "P of pain change week_4 new - old"),
    ([row_of_tests("0.05", where="Fig. 1", relation=">")], {}, "sources-differ", None),
    ([], {"counts": [row.replace("new,9", "new,10") for row in GROUPS]}, "sources-differ", "n of pain change week_4 new"),
    ([THIRD_ARM], {"counts": (COUNTS, SMALL[0].replace("new,9", "third,3"))}, "p-values-explained", "Of 2 P-values 1 is"),
    ([THIRD_ARM.replace("=,0.139", "<,0.001")], {"counts": (COUNTS, SMALL[0].replace("new,9", "third,3"))}, "outside-quartiles",
     "P < 0.001 of pain, change, week 4, third - old: the numbers of participants allow"),
    ([row_of_tests(p).replace(",,all,", f",{marker},,") for p, marker in (("0.815", "sex"), ("0.277", "age"))], {},
     "p-values-explained", "Of 3 P-values 3 are attainable"),
    ([], {"counts": VALUES}, "sum-", None),
    ([], {"counts": [*GROUPS, *OF_MEN]}, "sum-", "pain at week_4, men: the groups add up to 12, the whole is reported as 10"),
    ([], {"counts": GROUPS}, "sums-of", "at 1 place"),
    ([], {"counts": [*GROUPS[:2], OF_MEN[0], OF_MEN[0].replace("men,both", "women,both")]}, "sum-paper",
     "difference: pain at week_4: the strata by sex add up to 20"),
    ([], {"counts": PART}, "sum-paper", "observation: pain at week_4: the strata by sex add up to 18, the whole is reported as 24"),
    ([], {"summaries": MEDIANS}, "sources-differ-median", None),
    ([], {"registry_baseline": [*AGES, *LATER]}, "total-of-means-r-age", "the means of the groups average 71.0, and 71 is"),
    ([row_of_tests("0.457", outcome="smoker", test="chi_squared")], {"summaries": SMOKERS}, "p-of-counts", None),
    ([row_of_tests("0.475", outcome="smoker", test="chi_squared")], {"summaries": SMOKERS}, "p-of-counts",
     "None of the usual tests of the counts of smoker gives P = 0.475"),
    ([row_of_tests("0.001", outcome="smoker", relation="<", test="chi_squared")], {"summaries": SMOKERS}, "p-of-counts",
     "None of the usual tests of the counts of smoker gives P < 0.001"),
    ([row_of_tests("0.05", outcome="smoker", relation=">", test="chi_squared")], {"summaries": SMOKERS,
     "statements": ("source,locator,kind,subject,visits,group,value,note", "paper,Methods,test,Table 2,,,rank_sum,")}, "stated-test", None),
    ([AGAIN.replace("0.139", "0.142").replace("rank_sum", "other")], {}, "sources-differ", None),
    ([], {"counts": [row.replace("arms,17", "arms,25") for row in GROUPS]}, "sums-of", None),
    ([], {"registry_flow": [*STARTED, "r,x,completed,,new,31"]}, "flow-sum", "new: 31 completed, of 30 started"),
    ([], {"registry_flow": [*STARTED, "r,x,completed,,new,28", "r,x,not_completed,Death,new,5"]}, "flow-sum",
     "new: 28 completed and 5 did not, of 30 started"),
    ([], {"registry_flow": [*NOT_COMPLETED, "r,x,not_completed,Death,new,0"]}, "flow-reasons", "new: the reasons for not completing add up to 0, but 2 did"),
    ([], {"registry_flow": [*STARTED, "r,x,started,,total,70"]}, "sum", "started: the groups add up to 60, the whole is reported as 70"),
    ([], {"registry_flow": [*STARTED, "r,x,completed,,new,9"], "counts": [*GROUPS, GROUPS[2].replace("week_4", "week_20")]},
     "completers", None),
    ([], {"registry_flow": [*STARTED, "r,x,completed,,new,8"], "counts": [row.replace("week_4", "baseline") for row in GROUPS]},
     "completers", None),
    ([], {"registry_flow": NOT_COMPLETED, "flow": (LEFT, "paper,T,allocated,new,30,")}, "withdrawals", None),
    ([], {"registry_flow": NOT_COMPLETED, "flow": (LEFT, *(f"{s},T,withdrew,new,2," for s in ("paper", "poster")))},
     "withdrawals-new-poster", "new: the poster reports 2 who left the study, the r 2 who did not"),
    ([], {"summaries": [MEDIANS[0], "paper,T,mood,change,week_4,,all,new,9,median_iqr,5,5.4,4.6,"]}, "order-",
     "q1 5.4 lies above q3 4.6"),
    ([], {"summaries": [MEDIANS[0], *(f"paper,T,pain,change,week_4,,all,{group},median_iqr,5,7,8," for group in ("new,9", "old,8"))]},
     "p-against-quartiles", None),
    ([], {"registry_baseline": [AGES[0], "r,x,smoker,baseline,new,30,count_percent,15,60"]}, "percent-", "15 of 30 is 50.0%, reported as 60%"),
    ([row_of_tests(outcome="mood", test="other")], {"summaries": SMOKERS}, "not-checked", "counts: mood, change, week 4"),
    ([], {"adverse_events": (EVENTS, "paper,T,Pain,new,3,9,33", *IN_REGISTRY)}, "adverse-events-differ", None),
    ([], {"adverse_events": (EVENTS, *(f"{s},T,Rash,new,{k},9," for k, s in enumerate(("paper", "registry", "poster"))))},
     "adverse-events-differ-registry-poster", "rash, new: 2 against 1"),
    ([], {"adverse_events": ALIKE}, "adverse-events-agree", None),
    ([], {"adverse_events": (*ALIKE, "paper,T,Rash,old,2,9,22")}, "adverse-events-differ", "rash, old: 2 against 0"),
    ([], {"adverse_events": (*ALIKE, "paper,T,Chest  INFECTION,new,2,9,22")}, "adverse-events-agree",
     "Counts that agree in both sources: 1"),
    ([], {"adverse_events": (*ALIKE, "paper,T,Infection,new,2,9,22", "paper,T,Infection,old,,9,", "registry,a,Chest infection,old,2,9,")},
     "adverse-events-only-registry", "does not show: infection as chest infection, old: 2"),
    ([], {"adverse_events": (*ALIKE, *(f"paper,T,{place} infection,new,2,9,22" for place in ("Ear", "Eye")))},
     "adverse-events-agree", None),
])  # fmt: skip
def test_rows_of_the_published_tables_are_compared(tmp_path, tests, tables, finding, message):
    out = check(tmp_path, tests=[TESTS, row_of_tests(), *tests], **tables)
    findings = [row for row in read_rows(out / "findings.csv") if row["finding"].startswith(finding)]
    assert [message in f"{row['kind']}: {row['what']}" for row in findings] == ([True] if message else [])


def test_the_consistency_package_names_nothing_of_this_trial():
    for path in Path("src/d_q_trial/consistency").glob("*.*"):
        text = path.read_text(encoding="utf-8").lower()
        for word in ('d_q"', "d+q", "p16", "p1np", "ctx", "sasp", "senolytic", "farr", "fisetin", "week_"):
            assert word not in text, f"{path.name}: {word}"


AGE, SMOKER = {"outcome": "age", "group": "d_q"}, {"outcome": "smoker"}
P1NP_4 = {"source": "registry", "outcome": "p1np", "group": "d_q", "visit": "week_4"}
SASP = {"outcome": "sasp_composite", "group": "d_q"}
CTX = {"source": "registry", "outcome": "ctx", "visit": "week_20"}
BODY = {"source": "paper", "event": "Body pain"}


def test_keys_become_labels_but_the_words_of_a_finding_stay():
    arm = TRIAL.arms.control.model_copy(update={"key": "standard", "label": "Standard care"})
    low = arm.model_copy(update={"key": "low", "label": "Low dose"})
    changes = {"arms": TRIAL.arms.model_copy(update={"control": arm, "others": [low]})}
    changes |= {"families": TRIAL.families | {"ctx": "Schmerz", "other": "Misc"}}
    trial = TRIAL.model_copy(update=changes | {"visits": TRIAL.visits | {"last": TRIAL.visits["week_20"]}})
    assert replace_keys("the last visit of the other source", trial) == "the last visit of the other source"
    text = "The standard deviation of ctx in d_q and low"
    assert replace_keys(text, trial) == "The standard deviation of CTx in D+Q and Low dose"


def check_tables(reported):
    report = Report(reported, Inference([], {}, {}), [], [], {}, [], [], {})
    functions = [check for name, check in vars(checks).items() if name.startswith("check_")]
    return {finding.finding: finding for check in functions for finding in check(report)}


@pytest.fixture(scope="module")
def as_published():
    return check_tables(read_folder("data/published"))


@pytest.mark.parametrize(("name", "table", "where", "change", "message"), [  # None if the finding disappears
    ("means-equal-medians-age", "registry_baseline", AGE, {"value": "71.3"}, None),
    ("means-equal-medians-age", "registry_baseline", {"outcome": "age"}, {"spread": "0"}, "the last digit is over 0.999. open"),
    ("total-of-means-registry-age", "registry_baseline", {"group": "all"}, {"value": "73.4"}, None),
    ("decimals-registry-p1np-week_4-d_q-upper", "summaries", P1NP_4, {"upper": "148.0"}, None),
    ("decimals-registry-p1np-week_4-d_q-upper", "summaries", P1NP_4, {"center": "3", "lower": "1"}, None),
    ("below-minus-100-registry-sasp_composite-week_2-d_q-lower", "summaries", SASP, {"lower": "-100.0"}, None),
    ("stated-n-paper-fig-3-caption", "statements", {"kind": "n"}, {"visits": "week_2"}, None),
    ("completers-d_q", "registry_flow", {"milestone": "completed", "group": "d_q"}, {"n": "28"}, None),
    ("stated-test-smoker", "statements", {"kind": "test", "subject": "Table 1"}, {"value": "chi_squared"}, None),
    ("stated-test-smoker", "tests", SMOKER, {"test": "rank_sum", "p": "0.595"}, None),
    ("adverse-events-differ", "adverse_events", BODY, {"event": "Pain in extremity"}, "pain in extremity, d_q: 5 against 2"),
    ("adverse-events-only-registry", "statements", {"kind": "listed_from"}, {"value": "9"}, None),
    ("withdrawals-d_q", "flow", {"step": "left_treatment"}, {"step": "withdrew"}, None),
    ("share-p16_variant_5-T3", "statements", {"kind": "share"}, {"value": "7/20"}, None),
    ("stated-hba1c-exclusion-limit", "statements", {"source": "registry", "kind": "limit"}, {"value": "6.5"}, None),
    ("sources-differ-median-ctx-percent_change-week_20-all-control", "summaries", CTX | {"group": "control"},
     {"center": "-7.8"}, "median of ctx"),
    ("order-ctx-percent_change-week_20-all-d_q-q3-maximum", "summaries", CTX | {"group": "d_q"}, {"upper": "2.4"},
     "q3 2.6 lies above maximum 2.4"),
    ("percent-paper-extended-data-table-1-body-pain-d-q", "adverse_events", BODY | {"group": "d_q"},
     {"percent": "18"}, "5 of 30 is 16.7%, reported as 18%"),
    ("stated-test-smoker", "tests", SMOKER, {"p": "0.789"}, "with Yates' correction"),
    ("stated-test-age", "tests", {"outcome": "age"}, {"test": "other"}, "of another test"),
])  # fmt: skip
def test_a_finding_appears_and_disappears_with_its_cause(as_published, name, table, where, change, message):
    reported = read_folder("data/published")
    matching = [row for row in reported.tables[table] if where.items() <= row.items()]
    assert matching, "no row to change"
    for row in matching:
        row |= change
    before, after = as_published.get(name), check_tables(reported).get(name)
    if message:
        assert before is None or message not in before.what
        assert message in f"{after.what} {after.how} {after.certainty}"
    else:
        assert before.kind in ("difference", "observation")
        assert all((before.where, before.how, before.harmless_explanation))
        assert after is None or after.kind == "agreement"


def test_findings_state_what_the_checks_compute_and_explain_differences(as_published):
    finding = as_published["stated-test-smoker"]
    # R: chisq.test(matrix(c(10, 20, 12, 18), 2), correct = FALSE)$p.value 0.592; correct = TRUE and fisher.test 0.789
    assert finding.what.endswith("is that of chi-squared")
    assert finding.how.startswith("Recomputed from 10 of 30 and 12 of 30: chi-squared 0.592;")
    assert "Yates' correction 0.789; Fisher's exact test 0.789; rank-sum test 0.595" in finding.how
    assert finding.certainty == "certain"
    assert "average 73.39" in as_published["total-of-means-registry-age"].what  # weighted by numbers
    assert "(30 × 71.2 + 14 × 75.9 + 30 × 74.4) / 74" in as_published["total-of-means-registry-age"].how
    assert as_published["total-of-means-registry-age"].how.endswith("The standard deviation is 5.8; 5.7 is reported.")
    limit = as_published["decimals-registry-p1np-week_4-d_q-upper"]
    assert "1480 has no decimal" in limit.what
    assert "times the next largest" in limit.what
    assert "148.0" in limit.expected
    longer = read_folder("data/published")
    for row in longer.tables["summaries"]:
        row |= {part: f"{row[part]}00" for part in ("center", "lower", "upper") if "." in row[part]}
        row |= {"upper": "1480.25"} if P1NP_4.items() <= row.items() else {}
    limit = check_tables(longer)["decimals-registry-p1np-week_4-d_q-upper"]
    assert "1480.25 has 2 decimals among" in limit.what
    assert limit.expected.startswith("a number with 3 decimals;")
    assert as_published["adverse-events-agree"].value.startswith("overall (control), overall (d_q), headache (d_q)")
    assert "reflux (d_q) as gastroesophageal reflux disease" in as_published["adverse-events-agree"].value
    only_paper, only_registry = (as_published[f"adverse-events-only-{source}"] for source in ("paper", "registry"))
    assert only_paper.what.endswith("does not use: body pain, control: 2; body pain, d_q: 5")
    assert "pain and pain in extremity) sum to 3 (control) and 8 (d_q)" in only_paper.how
    assert "does not show: covid, d_q: 2" in only_registry.what
    assert "covid, d_q: 2; pain, d_q: 3; pain in extremity, control: 3" in only_registry.value
    # Agreements need no explanation.
    assert not any(finding.harmless_explanation for finding in as_published.values() if finding.kind == "agreement")


@pytest.mark.parametrize("table", ["registry_baseline", "registry_flow", "flow", "statements", "adverse_events"])
def test_without_one_table_the_others_keep_their_findings(as_published, table):
    reported = read_folder("data/published")
    del reported.tables[table]
    assert set() < check_tables(reported).keys() < as_published.keys()
