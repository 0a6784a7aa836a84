"""Specifications and their inference on invented participants, the bundled cohort and the real trial."""

import json
import re
from functools import lru_cache

import calibration
import drawn
import numpy as np
import pandas as pd
import pipeline
import pytest
from matplotlib.figure import Figure
from pipeline import CHOSEN, CONFIG, PBC, PUBLISHED, TRIAL, one, pick
from scipy.special import ndtr, ndtri

from d_q_trial import cli
from d_q_trial.config import settings
from d_q_trial.config.settings import Multiverse
from d_q_trial.errors import UserError
from d_q_trial.figures import specification_curve, style
from d_q_trial.files import write_csv
from d_q_trial.robustness import multiverse
from d_q_trial.robustness.specifications import ALL_EQUAL, CHOICES, TOO_SMALL, WHOLE, prepare_specifications
from d_q_trial.stats.permutation import labels_for, permutation_p
from d_q_trial.stats.two_sample import get_test

MARKER, NO_IDS = "p16_variant_5", "the workbook does not say which values belong to the same participant"
TABLES = multiverse.specification_table, multiverse.summary_table
SMALL = Multiverse(
    outcomes={"p1np": "higher"}, visits=["week_2", "week_20"], markers=[MARKER], cuts=[0.5],
    changes=["percent", "difference"], outliers=["keep", "trim"],
)  # fmt: skip


def count(specifications, permutations=99, seed=CHOSEN.robustness.seed):
    """Return the counts of permutations, and the tables of specifications and of families."""
    counts = multiverse.count_permutations(specifications, permutations=permutations, seed=seed)
    return counts, *(tabulate(counts) for tabulate in TABLES)


def prepare_run(run, options=CHOSEN.robustness):
    return prepare_specifications(run.participants, run.trial, run.analysis, options)[0]


@lru_cache
def count_config():
    specifications = prepare_run(pipeline.run_config())
    return specifications, *count(specifications, 499)


def prepare(people, analysis=PUBLISHED, minimum_per_arm=2, **overrides):
    """Return the specifications of the small multiverse, and the reason if there are none."""
    options = settings.Robustness(minimum_per_arm=minimum_per_arm, multiverse=SMALL.model_copy(update=overrides))
    return prepare_specifications(people, TRIAL, analysis, options)


def invent(n=10, **options):
    return pipeline.make_participants(pipeline.randomized(n, **options))


@pytest.mark.parametrize(("limit", "outliers"), [(0.1, 3), (3.0, 1), (1000.0, 0)])
def test_the_values_of_a_specification_are_those_worked_by_hand(limit, outliers):
    drop = [("A01", "week_20"), ("A02", "week_20"), ("A02", "week_4"), ("A04", "baseline"), ("A05", "week_2")]
    people = invent(12, drop=drop, changed={("A03", "week_20"): 4000.0})
    specifications, _ = prepare(people, outliers=["keep", "trim", "winsorise"], outlier_limit=limit)
    table = count(specifications)[1]
    raw = people.frame.pivot(index="participant", columns=["variable", "visit"], values="value")
    differences = raw["p1np"].sub(raw["p1np"]["baseline"], axis=0)
    week_2, week_4, week_20 = (differences[visit] for visit in ("week_2", "week_4", "week_20"))
    carried = week_20.copy()  # forward, from the latest earlier visit, and not from the baseline
    carried["A01"], carried["A02"] = week_4["A01"], week_2["A02"]
    q1, q3 = week_20.quantile([0.25, 0.75])  # of both arms together
    low, high = q1 - limit * (q3 - q1), q3 + limit * (q3 - q1)
    is_outlier = (week_20 < low) | (week_20 > high)
    assert is_outlier.sum() == outliers
    reference = {"marker": "", "outliers": "keep", "population": "intention_to_treat", "missing": "available"}
    reference |= {"visit": "week_20", "change": "difference", "test": "normal"}
    assert prepare(people, PUBLISHED.model_copy(update={"exclude": ["A01", "A03"]}))[0].is_first.size == 10  # of 12
    for options, expected in (
        ({}, week_20),
        ({"missing": "last_carried_forward"}, carried),
        ({"missing": "no_change"}, week_20.fillna(0).mask(raw["p1np"]["baseline"].isna())),
        ({"visit": "week_2", "missing": "last_carried_forward"}, week_2),
        ({"missing": "no_change", "population": "completers"}, week_20),
        ({"visit": "week_2", "population": "completers"}, week_2.mask(week_20.isna())),
        ({"outliers": "trim"}, week_20.mask(is_outlier)),
        ({"outliers": "winsorise"}, week_20.clip(low, high)),
        ({"marker": MARKER}, week_20.where(raw[MARKER]["baseline"] >= 5.5)),
    ):
        row = one(table, **reference | options)
        np.testing.assert_allclose(specifications.values[:, row.name], expected)
        sizes = [expected[arm].notna().sum() for arm in (specifications.is_first, ~specifications.is_first)]
        assert row[["n_first", "n_second"]].tolist() == sizes


def test_no_rule_for_missing_values_replaces_a_value_without_a_logarithm():
    specifications, _ = prepare(invent(changed={("A02", "week_20"): 0.0}), changes=["log_ratio"])
    for row in pick(specifications.table, visit="week_20", marker="", outliers="keep").itertuples():
        values = specifications.values[:, row.Index]
        assert np.flatnonzero(np.isnan(values)).tolist() == [2]


@pytest.mark.parametrize(
    ("path", "overrides", "n"),  # outcomes, visits, and all participants or the upper stratum of each marker
    [
        (CONFIG, {}, 2 * 3 * 3),
        (PBC, {}, 3 * 2 * 2),
        (CONFIG, {"strata": settings.StrataRule(cuts=[0.5, 0.6])}, 2 * 3 * 3),
        (CONFIG, {"strata": settings.StrataRule(cuts=[0.5], quantile_type=1, at_cut="lower")}, 2 * 3 * 3),
        (CONFIG, {"strata": settings.StrataRule(cuts=[0.5], reference="everyone")}, 2 * 3 * 3),
        (CONFIG, {"strata": settings.StrataRule(by="value", cuts=[0.6])}, 2 * 3),
        (CONFIG, {"change": "difference", "test": "normal_continuity"}, 2 * 3 * 3),
        (CONFIG, {"outcomes": ["p1np"], "visits": ["week_2"]}, 1 * 3),
        (CONFIG, {"outliers": settings.Outliers(rule="trim")}, 0),  # by arm, unlike those of the multiverse
    ],
)
def test_the_specifications_of_the_analysis_give_the_numbers_of_the_results(path, overrides, n):
    options = settings.load(path).robustness
    base, outcomes = pipeline.run_config(path), options.multiverse.outcomes
    # Another arm counts only for the cutoffs of a rule with the reference "everyone".
    others = [row for i in range(9) for row in pipeline.value_rows(f"F{i}", "fisetin", MARKER, baseline=9.0)]
    frame = pd.concat([base.participants.frame, pipeline.make_participants(others).frame])
    run = pipeline.rerun(base, frame=frame, **{"outcomes": list(outcomes)} | overrides)
    table = pick(count(prepare_run(run, options), 1)[1], own="yes")
    assert len(table) == n
    for row in table.itertuples():
        keys = {"outcome": row.outcome, "visit": row.visit, "marker": row.marker, "contrast": run.trial.contrast}
        keys["stratum"] = run.analysis.strata.labels[-1] if row.marker else "all"
        assert row.p == pytest.approx(run.value("p", **keys, method=run.analysis.test), rel=1e-9)
        assert row.hodges_lehmann == pytest.approx(run.value("hodges_lehmann", **keys), rel=1e-9)
        effect = run.value("mann_whitney_effect", **keys)
        assert row.effect == pytest.approx(1 - effect if outcomes[row.outcome] == "lower" else effect, rel=1e-9)


def test_every_combination_is_counted_left_out_or_too_small():
    frame = invent(changed={(f"A{i:02d}", "week_2"): 50.0 for i in range(10)}).frame
    frame.loc[frame["variable"].eq("p1np") & frame["visit"].eq("baseline"), "value"] = 50.0
    people = pipeline.make_participants(frame.to_dict("records"))
    _, table, summary = count(prepare(people, minimum_per_arm=4)[0])
    left_out = table[table["reason"].isin([TOO_SMALL, ALL_EQUAL])]
    assert set(left_out["reason"]) == {TOO_SMALL, ALL_EQUAL}  # week 2 does not vary, half of the participants are five
    assert pick(left_out, reason=TOO_SMALL)["marker"].ne("").all()  # all ten are enough for four in each arm
    numbers = ["z", "p", "effect", "hodges_lehmann", "permutations"]
    assert table.loc[table["reason"].ne(""), numbers].isna().all(axis=None)
    too_small, row = table["reason"].eq(multiverse.TOO_FEW).sum(), pick(summary, family=WHOLE).iloc[0]
    assert (row["combinations"], row["left_out"], row["too_small"]) == (len(table), len(left_out), too_small)
    assert row["specifications"] == len(table) - len(left_out) - too_small == table["effect"].notna().sum()


@pytest.mark.parametrize("alpha", [0.05, 0.3])
def test_p_values_are_shares_of_all_252_splits_of_participants_with_missing_values(alpha):
    people = invent(outcomes=("ctx", "p1np"), drop=[("A01", "week_20"), ("A06", "week_20"), ("A06", "week_2")])
    analysis, outcomes = PUBLISHED.model_copy(update={"alpha": alpha}), {"ctx": "lower", "p1np": "higher"}
    specifications, _ = prepare(people, analysis, outcomes=outcomes)
    counts, table, summary = count(specifications, 300)
    assert counts.labels.seed is None
    sign = np.where(table["outcome"].eq("ctx"), -1, 1)
    splits = labels_for(np.arange(10) < 5, 252, seed=0).take(0, 252).T
    permuted, effects = np.full((2, len(table), 252), np.nan)
    for number, split in enumerate(splits):
        for method in ("normal", "normal_continuity"):
            rows = table["test"].eq(method).to_numpy()
            result = get_test(method).compare_columns(specifications.values[:, rows], split)
            pairs = np.where(np.minimum(result.n_first, result.n_second) < 2, np.nan, result.n_first * result.n_second)
            permuted[rows, number] = np.where(np.isnan(pairs), np.nan, sign[rows] * result.statistic)
            effects[rows, number] = 0.5 + sign[rows] * (result.u / pairs - 0.5)
    size, defined = np.nan_to_num(np.abs(permuted)), table["reason"].eq("").to_numpy()
    top = np.argmax(table["z"].abs().fillna(0))
    assert table["p_adjusted"][top] == pytest.approx((size.max(axis=0) >= abs(table["z"][top]) - 1e-9).mean())
    observed = np.flatnonzero((splits == specifications.is_first).all(axis=1)).item()
    np.testing.assert_allclose(table["z"][defined], permuted[defined, observed], atol=1e-9)
    np.testing.assert_allclose(table["effect"][defined], effects[defined, observed], atol=1e-9)
    np.testing.assert_allclose(table["p"][defined], 2 * ndtr(-size[defined, observed]), rtol=1e-9)
    for family, members in specifications.families.items():
        # A specification with too few participants in an arm is in no summary of that split.
        z, usable = permuted[members], (~np.isnan(permuted[members])).sum(axis=0)
        significant, effect = (z >= -ndtri(alpha / 2)).sum(axis=0), np.where(usable, effects[members], 0.5)
        rows = pick(summary, family=family).set_index("summary")
        for name, values in {
            "median_effect": np.nanquantile(effect, 0.5, axis=0, method="inverted_cdf"),
            "share_significant": significant / np.maximum(usable, 1),
            "mean_z": np.nansum(z, axis=0) / np.maximum(usable, 1),
        }.items():
            assert rows.loc[name, "value"] == pytest.approx(values[observed], abs=1e-9)
            assert rows.loc[name, "p"] == pytest.approx((values >= values[observed] - 1e-9).mean(), rel=1e-12)
        assert rows.loc["share_significant", "permuted_mean"] == pytest.approx(significant.sum() / usable.sum())


def test_combinations_are_complete_and_unique_equal_ranks_have_equal_p_and_a_family_contains_those_of_its_name():
    specifications, counts, table, summary = count_config()
    assert len(table) == 2 * 3 * (1 + 2 * 4) * 3 * 3 * 3 * 2 * 2
    assert not table.duplicated(list(CHOICES)).any()
    options = {"outliers": "keep", "population": "intention_to_treat", "test": "normal", "marker": ""}
    equal = pick(table, reason="", visit="week_2", **options)
    p_values = equal[equal["change"].ne("difference")].groupby("outcome")[["p", "p_adjusted"]]
    assert p_values.nunique().eq(1).all(axis=None)
    families, is_subgroup = specifications.families, table["marker"].ne("")
    assert tuple(summary.iloc[0][["p", "p_lower", "p_upper"]]) == permutation_p(counts.joint.counts[0, 0], 499)[:3]
    assert summary["family"].drop_duplicates().tolist() == list(families)
    for name, members in {
        "subgroups": is_subgroup,
        "all participants": ~is_subgroup,
        f"subgroups by {TRIAL.markers[MARKER].label}": table["marker"].eq(MARKER),
        TRIAL.outcomes["ctx"].label: table["outcome"].eq("ctx"),
        TRIAL.visits["week_4"].label: table["visit"].eq("week_4"),
        f"{TRIAL.outcomes['p1np'].label}, all participants": table["outcome"].eq("p1np") & ~is_subgroup,
    }.items():
        np.testing.assert_array_equal(families[name], members)
    assert len(set(map(bytes, families.values()))) == len(families)


@pytest.mark.parametrize(("shards", "memory_mb"), [(1, 2), (3, 512), (7, 2)])
def test_numbers_are_independent_of_shards_and_memory(tmp_path, shards, memory_mb):
    specifications = prepare_run(pipeline.run_config(), CHOSEN.robustness.model_copy(update={"multiverse": SMALL}))
    counts, *tables = count(specifications, 1999)
    options = {"permutations": 1999, "seed": CHOSEN.robustness.seed, "shards": shards, "memory_mb": memory_mb}
    for shard in range(1, shards + 1):
        part = multiverse.count_permutations(specifications, shard=shard, **options)
        multiverse.write_counts(tmp_path / f"{shard}.npz", part)
    joined = multiverse.read_counts(sorted(tmp_path.iterdir(), reverse=True), specifications, 1999, options["seed"])
    for table, tabulate in zip(tables, TABLES, strict=True):
        pd.testing.assert_frame_equal(table, tabulate(joined), check_exact=True)
    np.testing.assert_array_equal(counts.curves, joined.curves)


@pytest.mark.slow
@pytest.mark.parametrize("study", ["subgroups", "multiverse"])
def test_two_shards_of_simulated_trials_give_the_table_of_one(study, tmp_path):
    tables = []
    for shards in (1, 2):
        paths = [tmp_path / f"{shard}_of_{shards}.csv" for shard in range(1, shards + 1)]
        for shard, path in enumerate(paths, start=1):
            write_csv(calibration.simulate(study, 2, shard, shards), path)
        tables.append(calibration.render_table(paths))
    assert "; 2 trials per column" in tables[0]
    assert tables[1] == tables[0]


def test_counts_that_do_not_belong_together_are_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    specifications, _ = prepare(invent(14))
    multiverse.write_counts("empty.counts", None)
    (tmp_path / "text.counts").write_text("counts")
    for name, shard, seed in (("one", 1, 1), ("again", 1, 1), ("two", 2, 1), ("other", 2, 2)):
        part = multiverse.count_permutations(specifications, permutations=999, seed=seed, shard=shard, shards=2)
        multiverse.write_counts(f"{name}.counts", part)
    for names, message in (
        (["one"], "one: ends at permutation 499 of 999; a part is missing"),
        (["two"], "two: begins at permutation 499, expected 0"),
        (["other", "one"], "other: counts of other specifications or permutations"),
        (["one", "again"], "again: begins at permutation 0, expected 499"),
        (["empty"], "empty: holds no counts"),
        (["text"], "text: not a file of counts"),
    ):
        with pytest.raises(UserError) as error:
            multiverse.read_counts([f"{name}.counts" for name in names], specifications, 999, 1)
        assert str(error.value).replace(".counts", "").startswith(message)
    with pytest.raises(UserError, match="shard 0 of 2"):
        multiverse.count_permutations(specifications, permutations=999, seed=1, shard=0, shards=2)


def test_the_share_of_a_choice_is_the_variance_explained_by_it_alone():
    table = count_config()[2].dropna(subset="effect")
    variance = multiverse.choices_variance(table).set_index("choice")
    table = table.assign(subgroup=table["marker"] + table["cut"].fillna(0).astype(str))  # 0: all participants

    def fit_residual(*choices):
        dummies = [pd.get_dummies(table[name], drop_first=True, dtype=float) for name in choices]
        return np.linalg.lstsq(np.column_stack([np.ones(len(table)), *dummies]), table["effect"], rcond=None)[1].item()

    choices, total = ("outcome", "visit", "subgroup", *CHOICES[4:]), fit_residual()
    assert list(variance.index) == [*choices, "all choices", "combinations of choices", "total"]
    for name in choices:
        explained = fit_residual(*(other for other in choices if other != name)) - fit_residual(*choices)
        assert variance.loc[name, "sum_of_squares"] == pytest.approx(explained, rel=1e-9, abs=1e-9)
        assert variance.loc[name, "share"] == pytest.approx(explained / total, rel=1e-9, abs=1e-9)
    assert variance.loc["test", ["sum_of_squares", "share"]].tolist() == [0, 0]  # changes P, and no effect
    assert variance.loc["total", "sum_of_squares"] == pytest.approx(total)
    assert variance.loc["subgroup", ["options", "df"]].tolist() == [9, 8]
    df = variance.loc[["all choices", "combinations of choices"], "df"].sum()
    assert variance.loc["total", "df"] == df == len(table) - 1


def test_a_choice_that_another_determines_explains_nothing_and_too_few_specifications_have_no_shares():
    columns = {"marker": "", "cut": np.nan, "outcome": list("aab") * 8, "visit": ["v1", "v2", "v3"] * 8}
    columns |= {"change": ["percent", "difference"] * 12, "effect": np.random.default_rng(1).random(24)}
    table = pd.DataFrame(dict.fromkeys(CHOICES, "same") | columns)
    variance = multiverse.choices_variance(table).set_index("choice")
    assert variance.loc["outcome", ["df", "sum_of_squares"]].tolist() == [0, 0]
    assert variance.loc[["visit", "change"], "df"].tolist() == [1, 1]
    assert variance.loc["all choices", "df"] == 3
    for few in (1, 2):  # no choice, and as many options as specifications
        assert multiverse.choices_variance(table.head(few)).empty


def run_command(folder, people, *arguments):
    people.write(folder / "workbooks/reconstructed")
    return cli.main([*map(str, arguments), "--config", CONFIG, "--results", str(folder)])


def test_panels_without_ids_and_a_multiverse_without_outcomes_give_the_reason(tmp_path):
    assert prepare(invent(), outcomes={}) == (None, "robustness.multiverse.outcomes names no outcome")
    unlinked = pipeline.make_participants(invent().frame.assign(linked=False).to_dict("records"))
    assert prepare(unlinked) == (None, NO_IDS)
    assert run_command(tmp_path, unlinked, "permute", tmp_path / "c.npz") == 0
    for counts in ([tmp_path / "c.npz"], []):
        assert run_command(tmp_path, unlinked, "multiverse", tmp_path / "out", *counts) == 0
    assert len((tmp_path / "out/specifications.csv").read_text().splitlines()) == 1
    figures = json.loads((tmp_path / "out/multiverse.json").read_text())
    assert NO_IDS in figures["specification_curve"]["caption"]
    assert (tmp_path / "out/specification_curve.png").stat().st_size > 1000


def test_too_little_memory_is_reported_in_one_line(tmp_path, capsys, monkeypatch):
    people, counts = pipeline.run_config().participants, tmp_path / "c.npz"
    limited = CHOSEN.model_copy(update={"robustness": CHOSEN.robustness.model_copy(update={"memory_mb": 1})})
    monkeypatch.setattr("d_q_trial.config.settings.load", lambda _: limited)
    assert run_command(tmp_path, people, "permute", counts) == 1
    message = r"d-q-trial permute: robustness\.memory_mb: 1 MB, but [\d,]+ specifications need \d+ MB\n"
    assert re.fullmatch(message, capsys.readouterr().err)
    assert not counts.exists()


def test_the_curve_draws_the_points_of_the_table():
    _, counts, table, _ = count_config()
    ordered = table[table["effect"].notna()].sort_values(["effect", "specification"], kind="stable")
    ax = Figure().add_subplot()
    specification_curve.draw_curve(ax, ordered, multiverse.permuted_band(counts), 0.05, TRIAL)
    points = {c.get_label(): np.asarray(c.get_offsets()) for c in ax.collections if len(c.get_offsets()) > 1}
    by_p = np.concatenate([points[name] for name in points if name.startswith("P ")])
    np.testing.assert_allclose(np.sort(by_p[:, 1]), ordered["effect"])
    favourable = points["P ≤ 0.05, favourable"]
    assert len(favourable) == (ordered["p"].le(0.05) & ordered["effect"].gt(0.5)).sum() > 0
    own = np.concatenate([points[name] for name in points if "own" in name])
    assert sorted(own[:, 1]) == sorted(pick(ordered, own="yes")["effect"])
    options = specification_curve.name_options(ordered, TRIAL)
    assert options.notna().all(axis=None)
    first = ordered["specification"].idxmin()
    assert {int(column.cat.codes[first]) for _, column in options.items()} == {0}


def test_long_labels_overlap_neither_each_other_nor_the_curve(monkeypatch):
    _, counts, table, summary = count_config()
    pages, trial = [], drawn.lengthen_labels(TRIAL)
    monkeypatch.setattr(style.Page, "save", lambda page, *_, **__: pages.append(page))
    band = multiverse.permuted_band(counts)
    specification_curve.draw_specification_curve(table, summary, band, trial, "", alpha=0.05, label=None)
    assert drawn.find_faults(pages[0].figure) == []
    visits = [visit.label for visit in TRIAL.visits.values()]
    medians = pick(summary[summary["family"].isin(visits)], summary="median_effect")["value"]
    assert {f"{median:.2f}" for median in medians} <= {text.get_text() for text in pages[0].figure.texts}
    curve = pages[0].figure.axes[0]
    assert curve.get_legend().get_window_extent().y0 >= curve.get_window_extent().y1


def test_text_and_caption_give_the_numbers_the_fixed_choices_and_the_outlier_rule():
    _, _, table, summary = count_config()
    table = table.assign(visit="week_2", marker=MARKER, cut=2 / 3, test="normal_continuity")
    analysis = PUBLISHED.model_copy(update={"quartile_type": 6, "exclude": ["S01"]})
    figures = specification_curve.describe_multiverse(table, summary, TRIAL, analysis, CHOSEN.robustness, "")
    curve = figures["specification_curve"]
    assert f"{100 * summary.iloc[1]['value']:.1f}% significant in the favoured direction" in curve["words"]
    assert f"Curve of {table['effect'].notna().sum():,} effects" in curve["words"]
    assert curve["fixed"] in curve["caption"]
    assert "pointwise 95% range of the curves" in curve["caption"]  # at each place, not of whole curves
    assert curve["fixed"] == (
        "Fixed in all specifications: marker and cutoff (p16 variant 5, upper 33.3%), visit (2 weeks), variant of the "
        "test (with continuity correction). Outliers lie more than 3 interquartile ranges beyond the "
        "quartiles (type 6) of both arms together. Subgroups are the participants at or above a quantile (type 7) of the "
        "analysed participants. One participant (S01) was excluded."
    )
    assert curve["varied"] == ["kind of change", "outlier rule", "missing-value rule", "population"]
