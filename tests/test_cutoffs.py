"""The comparison of arms above and below every cut, in windows, and at the best cut."""

from dataclasses import replace
from itertools import combinations

import cohorts
import numpy as np
import pandas as pd
import pipeline
import pytest
from pipeline import PBC, PUBLISHED, TRIAL
from scipy.stats import norm

from d_q_trial.config import settings
from d_q_trial.config.robustness import Robustness, Windows
from d_q_trial.robustness import cutoffs, search
from d_q_trial.robustness.analysis_cuts import select_analysis_cuts
from d_q_trial.stats.estimate import effect_difference, mann_whitney_effect, mean_difference
from d_q_trial.stats.maximally_selected import best_split
from d_q_trial.stats.shift import hodges_lehmann
from d_q_trial.stats.two_sample import get_test
from d_q_trial.strata import select_marker_values

FEW = Robustness(permutations=999, minimum_per_arm=2, windows=Windows(share=0.5, step=0.1))
MARKER = "p16_variant_5"


def _made_up(n=16, seed=3, benefit=0.0, transform=lambda value: value, **different):
    """Women of two arms with tied markers, tied changes and missing values; the later treated ones benefit."""
    rng = np.random.default_rng(seed)
    arms, marker = rng.permutation(["d_q", "control"] * (n // 2)), np.sort(rng.integers(1, 12, n) / 4)
    rows = []
    for i, arm in enumerate(arms):
        for outcome in ("ctx", "p1np"):
            values = {visit: float(40 + rng.integers(0, 20)) for visit in ("baseline", "week_2", "week_20")}
            more = benefit * (arm == "d_q" and i >= n // 2)
            values["week_20"] = None if rng.random() < 0.15 else values["week_20"] + more
            rows += cohorts.value_rows(f"A{i:02d}", arm, outcome, **values)
        rows += cohorts.value_rows(f"A{i:02d}", arm, MARKER, baseline=float(transform(marker[i])))
    return pipeline.run(cohorts.make_participants(rows), TRIAL, PUBLISHED.model_copy(update=different))


def _slices(run, robustness=FEW):
    markers = run.strata.pivot(index="participant", columns="marker", values="marker_value")
    return cutoffs.divide_changes(run.changes, markers, run.trial, run.analysis, robustness)


def _tables(run, robustness=FEW):
    found = _slices(run, robustness)
    best, corrected = search.best_cuts(found, run.trial, run.analysis, robustness)
    return cutoffs.cutoffs_table(found, corrected), cutoffs.windows_table(found), best


def test_a_search_that_does_not_fit_into_memory_is_refused_before_it_begins():
    none = FEW.model_copy(update={"memory_mb": 0})
    assert len(_tables(_made_up(test="welch"), none)) == 3  # this test has no search
    with pytest.raises(MemoryError, match=r"robustness.memory_mb: 0 MB, but \d+ specifications need 1 MB"):
        _slices(_made_up(), none)


def _wide(run, row):
    """Changes, arm and marker of the women with a change, for the outcome and visit of a row."""
    changes = run.changes
    own = changes[changes["outcome"].eq(row.outcome) & changes["visit"].eq(row.visit) & changes["value"].notna()]
    marker = run.strata[run.strata["marker"].eq(row.marker)].set_index("participant")["marker_value"]
    return own["value"].to_numpy(), own["arm"].eq("d_q").to_numpy(), own["participant"].map(marker).to_numpy()


def _check(row, value, is_first, inside, analysis):
    first, second = value[inside & is_first], value[inside & ~is_first]
    test = get_test(analysis.test).compare(first, second)
    confidence = 1 - analysis.alpha
    if analysis.test == "welch":
        expected = mean_difference(first, second, confidence=confidence)
    else:
        expected = hodges_lehmann(first, second, method=analysis.test, confidence=confidence)
    assert (row.n_first, row.n_second) == (first.size, second.size)
    assert (row.median_first, row.median_second) == (np.median(first), np.median(second))
    assert row.p == pytest.approx(test.p, rel=1e-12, nan_ok=True)
    assert row.mann_whitney_effect == pytest.approx(test.u / first.size / second.size)
    limits = [limit if np.isfinite(limit) else np.nan for limit in (expected.estimate, expected.lower, expected.upper)]
    np.testing.assert_array_equal([row.difference, row.lower, row.upper], limits)


@pytest.mark.parametrize(
    ("at_cut", "test", "alpha"),
    [
        *[("upper", "normal", 0.05), ("lower", "normal_continuity", 0.2), ("upper", "exact", 0.3)],
        *[("upper", "welch", 0.1), ("lower", "brunner_munzel", 0.1)],
    ],
)
def test_every_cut_has_the_numbers_of_the_test_of_its_groups(at_cut, test, alpha):
    run = _made_up(strata=settings.StrataRule(at_cut=at_cut, cuts=[0.5]), test=test, alpha=alpha)
    table, windows, _ = _tables(run)
    expected = set()
    for row in table.drop_duplicates(["outcome", "visit"]).itertuples():
        value, is_first, marker = _wide(run, row)
        for cut in np.unique(marker):
            above = marker >= cut if at_cut == "upper" else marker > cut
            for side, inside in (("above", above), ("below", ~above)):
                if min((inside & is_first).sum(), (inside & ~is_first).sum()) >= 2 and not inside.all():
                    expected.add((row.outcome, row.visit, cut, side))
    assert {tuple(row) for row in table[["outcome", "visit", "cut", "side"]].to_numpy()} == expected
    for row in table.itertuples():
        value, is_first, marker = _wide(run, row)
        above = marker >= row.cut if at_cut == "upper" else marker > row.cut
        _check(row, value, is_first, above == (row.side == "above"), run.analysis)
        assert row.share_below == pytest.approx((~above).mean())
        has_both = {(row.outcome, row.visit, row.cut, side) for side in ("above", "below")} <= expected
        effects = [mann_whitney_effect(value[own & is_first], value[own & ~is_first]) for own in (above, ~above)]
        interaction = effect_difference(*effects, confidence=0.95).p if has_both else np.nan
        assert row.p_interaction == pytest.approx(interaction, rel=1e-9, nan_ok=True)
    for _, own in windows.groupby(["outcome", "visit"]):
        _, is_first, marker = _wide(run, own.iloc[0])
        ordered, size, step = np.sort(marker), round(marker.size / 2), round(marker.size / 10)
        ends = {(ordered[i], ordered[i + size - 1]) for i in (*range(0, marker.size - size, step), marker.size - size)}
        arms = {(low, high): is_first[(marker >= low) & (marker <= high)] for low, high in ends}
        expected = {ends for ends, arm in arms.items() if min(arm.sum(), (~arm).sum()) >= 2}
        assert {tuple(ends) for ends in own[["low", "high"]].to_numpy()} == expected
    for row in windows.itertuples():
        value, is_first, marker = _wide(run, row)
        inside = (marker >= row.low) & (marker <= row.high)
        _check(row, value, is_first, inside, run.analysis)
        assert row.median_marker == np.median(marker[inside])
        assert row.share_below == pytest.approx(
            ((marker < row.median_marker).mean() + (marker <= row.median_marker).mean()) / 2
        )


@pytest.mark.parametrize(("size", "method"), [(49, "exact"), (50, "normal_continuity")])
def test_large_arms_are_tested_as_by_r(size, method):
    rows = cohorts.randomized(2 * size)
    run = pipeline.run(cohorts.make_participants(rows), TRIAL, PUBLISHED.model_copy(update={"test": "exact"}), also=())
    changes = run.changes[run.changes["visit"].eq("week_2")]
    robustness = FEW.model_copy(update={"minimum_per_arm": size - 2})
    assert {part.method for part in _slices(replace(run, changes=changes), robustness)[:1]} == {method}


def _stated_by_a_column():
    """The published analysis with the same strata, stated by a column of the workbook."""
    run = pipeline.run_config()
    rule = settings.StrataRule(by="column", column="group", labels=["T1/T2", "T3"])
    own = run.strata[run.strata["marker"].eq(MARKER)]
    columns = own[["participant", "arm"]].assign(variable="group", text=own["stratum"])
    more = cohorts.make_participants(columns.to_dict("records")).frame.assign(value=np.nan)
    frame = pd.concat([run.participants.frame, more.astype(run.participants.frame.dtypes)], ignore_index=True)
    return pipeline.rerun(run, frame=frame, strata=rule, outcomes=["ctx", "p1np"])


@pytest.mark.parametrize(
    ("made", "markers", "names"),
    [
        (lambda: pipeline.rerun(pipeline.run_config(), outcomes=["ctx", "bmd_radius"]), 2, {"T1/T2", "T3"}),
        (_stated_by_a_column, 1, {"T1/T2", "T3"}),
        (lambda: pipeline.run_config(PBC), 1, {"T1", "T3", "T1 + T2", "T2 + T3"}),
    ],
)
def test_the_cut_of_the_analysis_has_the_numbers_of_the_results(made, markers, names):
    run = made()
    every = select_marker_values(run.participants, run.trial, run.analysis)
    found = cutoffs.divide_changes(run.changes, every, run.trial, run.analysis, Robustness())
    table, labels = select_analysis_cuts(cutoffs.cutoffs_table(found), run.layout), run.analysis.strata.labels
    assert (set(every), table["marker"].nunique(), set(table["stratum"])) == (set(run.trial.markers), markers, names)
    results = run.results[run.results["contrast"].eq(run.trial.contrast) & run.results["measure"].ne("baseline")]
    # The middle one of three strata lies between two cuts.
    enough = results[["n_first", "n_second"]].min(axis=1) >= 6
    results = results[results["stratum"].isin([labels[0], labels[-1]]) & enough]
    keys, compared = [*cutoffs.HEAD, "stratum"], table[table["stratum"].isin(labels)]
    for name in ("hodges_lehmann", "hodges_lehmann_lower", "hodges_lehmann_upper", "p", "mann_whitney_effect"):
        ours = compared.set_index(keys)[name.removeprefix("hodges_lehmann_").replace("hodges_lehmann", "difference")]
        theirs = pipeline.pick(results, statistic=name).set_index(keys)["value"]
        assert len(ours) == len(theirs) >= 8
        np.testing.assert_allclose(ours, theirs[ours.index], rtol=1e-12)


# The best cut


def _all_splits(run, minimum=2):
    """|z| of every cutoff on either side, columns, in the data, first row, and under each split of the participants."""
    changes = run.changes[run.changes["measure"].ne("baseline")]
    wide = changes.pivot(index="participant", columns=["outcome", "visit"], values="value")
    marker = run.strata.set_index("participant")["marker_value"].reindex(wide.index)
    columns = {}
    for place, value in wide.items():
        for cut in np.unique(marker[value.notna()])[1:]:
            columns |= {(*place, "above", cut): value[marker >= cut], (*place, "below", cut): value[marker < cut]}
    columns, n = pd.DataFrame(columns, wide.index).sort_index(axis=1), len(wide)
    treated = changes.drop_duplicates("participant").set_index("participant")["arm"].reindex(wide.index).eq("d_q")
    splits = [treated.to_numpy(), *(np.isin(np.arange(n), some) for some in combinations(range(n), n // 2))]
    tests = [get_test(run.analysis.test).compare_columns(columns.to_numpy(), split) for split in splits]
    sizes = [np.where(np.minimum(t.n_first, t.n_second) < minimum, 0, np.abs(t.statistic)) for t in tests]
    return pd.DataFrame(sizes, columns=columns.columns).fillna(0)


@pytest.mark.parametrize("test", ["normal", "normal_continuity"])
def test_the_best_cut_has_the_smallest_p_and_its_corrected_p_is_its_share_of_all_splits(test):
    run = _made_up(n=10, seed=1, benefit=20.0, test=test)
    table, _, best = _tables(run)
    best, sizes = pipeline.pick(best, marker=MARKER, reason=""), _all_splits(run)
    assert set(best["permutations"]) == {252}
    tested = []
    for row in best.itertuples():
        place = row.outcome, row.visit, row.side
        tried = pipeline.pick(table, marker=MARKER, outcome=row.outcome, visit=row.visit, side=row.side)
        assert (row.p, row.cuts) == (pytest.approx(tried["p"].min()), len(tried))
        assert pipeline.one(tried, cut=row.cut)["difference"] == row.difference
        observed = sizes.loc[0, place].max()
        for of, searched in {"side": place, "both": place[:2], "family": slice(None)}.items():
            largest, p = sizes.loc[:, searched].max(axis=1), getattr(row, f"p_best_of_{of}")
            if observed >= largest[0] - 1e-9:
                tested.append(of)
                assert p == pytest.approx((largest[1:] >= observed - 1e-9).mean(), abs=1e-12)
                assert getattr(row, f"p_best_of_{of}_lower") == p == getattr(row, f"p_best_of_{of}_upper")
            elif of == "both":
                assert np.isnan(p)
    assert set(tested) == {"side", "both", "family"}
    assert (best["p_best_of_both"].fillna(best["p_best_of_side"]) <= best["p_best_of_family"]).all()


def test_the_p_of_the_best_cut_lies_in_its_monte_carlo_interval():
    best = _tables(_made_up(benefit=30.0))[2]
    for row in best[best["marker"].eq(MARKER)].itertuples():
        for of in ("side", "family"):  # P counts the data as a permutation, the interval does not
            p, low, high = (getattr(row, f"p_best_of_{of}{end}") for end in ("", "_lower", "_upper"))
            assert low < p < high + 1 / 1000


@pytest.mark.parametrize("alpha", [0.05, 0.2])
def test_the_interval_of_the_best_cut_has_the_level_of_the_analysis(alpha, monkeypatch):
    cuts = np.append(np.arange(1.0, 101), np.nan)
    monkeypatch.setattr(search, "best_cut_bootstrap", lambda *_, **__: (cuts, np.arange(101) / 100))
    best = _tables(_made_up(alpha=alpha), FEW.model_copy(update={"permutations": 99}))[2]
    row = best[best["marker"].eq(MARKER)].iloc[0]
    assert (row["cut_lower"], row["cut_upper"]) == {0.05: (3, 98), 0.2: (10, 90)}[alpha]
    effects = row[["effect_out_of_bag_lower", "effect_out_of_bag", "effect_out_of_bag_upper"]].to_list()
    assert effects == pytest.approx([alpha / 2, 0.5, 1 - alpha / 2])
    assert row["resamples"] == 100


def test_markers_that_tie_on_paper_are_divided_by_no_cut():
    noise = np.random.default_rng(1)
    plain, noisy = _made_up(), _made_up(transform=lambda value: value * (1 + 1e-13 * noise.normal()))
    made = [(*_tables(run), select_analysis_cuts(_tables(run)[0], run.layout)) for run in (plain, noisy)]
    for ours, theirs in zip(*made, strict=True):
        pd.testing.assert_frame_equal(ours, theirs)


def test_a_split_divides_one_arm_at_its_best_cut():
    run = _made_up(n=24)
    table = search.best_splits(_slices(run), TRIAL, FEW)
    for row in table[table["marker"].eq(MARKER)].itertuples():
        value, is_first, marker = _wide(run, row)
        own = is_first == (row.arm == "d_q")
        split = best_split(marker[own], value[own], minimum=2, permutations=999, seed=FEW.seed)
        assert (row.n, row.cuts, row.cut, row.z) == (own.sum(), split.splits, split.cut, split.z)
        assert (row.p, row.p_corrected) == (pytest.approx(2 * norm.sf(abs(split.z))), split.p.p)
    unknown = table[table["marker"].ne(MARKER)]
    assert set(unknown["reason"]) == {cutoffs.NO_MARKER}
    assert unknown["p_corrected"].isna().all()


# Where there is nothing to cut


def _without(what):
    run = _made_up()
    loose = run.changes.assign(linked=False, marker=MARKER, stratum="T3")
    return replace(run, changes=loose if what == "ids" else run.changes.iloc[:0], strata=run.strata.iloc[:0])


@pytest.mark.parametrize(
    ("run", "reasons"),
    [
        (lambda: _without("ids"), {cutoffs.NO_MARKER}),
        (lambda: _made_up(n=10), {cutoffs.TOO_FEW_FOR_CUTS}),
        (lambda: _without("changes"), set()),
    ],
)
def test_without_a_cut_the_tables_are_empty_and_give_the_reason(run, reasons):
    table, windows, best = _tables(run(), Robustness(permutations=99))
    names = [cutoffs.CUTOFFS, cutoffs.WINDOWS, search.BEST_CUTS]
    assert [tuple(frame) for frame in (table, windows, best)] == names
    assert len(table) == len(windows) == 0
    assert set(best.loc[best["marker"].eq(MARKER), "reason"]) == reasons
    assert set(best.loc[best["marker"].ne(MARKER), "reason"]) <= {cutoffs.NO_MARKER}
    assert best["p_best_of_side"].isna().all()
