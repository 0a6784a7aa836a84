"""The comparison of arms above and below every cutoff, in windows, and at the best cutoff; and the figures of these."""

from dataclasses import replace
from itertools import combinations

import drawn
import numpy as np
import pandas as pd
import pipeline
import pytest
from oracle_values import step_down_by_definition
from pipeline import CHOSEN, LABEL, PBC, PUBLISHED, TRIAL, one, pick
from scipy.stats import norm

from d_q_trial.config import settings
from d_q_trial.config.settings import Robustness, Windows
from d_q_trial.figures import cutoffs as drawing
from d_q_trial.figures import style
from d_q_trial.figures.catalogue import count_columns, list_cutoff_figures
from d_q_trial.figures.cutoffs import CutTables
from d_q_trial.figures.style import render_text
from d_q_trial.formatting import format_p_digits
from d_q_trial.robustness import cutoffs
from d_q_trial.robustness.analysis_cuts import select_analysis_cuts, select_published_cuts
from d_q_trial.stats.estimate import effect_difference, mann_whitney_effect, mean_difference
from d_q_trial.stats.maximally_selected import best_split
from d_q_trial.stats.rank_sum import hodges_lehmann
from d_q_trial.stats.two_sample import get_test

ROBUSTNESS = Robustness(permutations=999, minimum_per_arm=2, windows=Windows(share=0.5, step=0.1))
MARKER = "p16_variant_5"


def _run_invented(n=16, seed=3, noise=0.0, **overrides):
    """Analyse two arms with tied markers, up to relative ``noise``, and missing values."""
    rng = np.random.default_rng(seed)
    markers = rng.integers(1, 12, n) / 4 * (1 + noise * rng.normal(size=n))
    drop = [(f"A{i:02d}", "week_20") for i in np.flatnonzero(rng.random(n) < 0.15)]
    rows = pipeline.randomized(n, ("ctx", "p1np"), markers=markers, drop=drop)
    return pipeline.run(pipeline.make_participants(rows), TRIAL, PUBLISHED.model_copy(update=overrides))


def _divide(layout, robustness=ROBUSTNESS):
    return cutoffs.divide_changes(layout.changes, layout.markers, layout.trial, layout.analysis, robustness)


def _build_tables(layout, robustness=ROBUSTNESS):
    """Return the tables of all cutoffs, of windows and of the best cutoffs."""
    divided = _divide(layout, robustness)
    best, corrected = cutoffs.best_cuts(divided, layout.trial, layout.analysis, robustness)
    return cutoffs.cutoffs_table(divided, corrected), cutoffs.windows_table(divided), best


def test_a_search_that_does_not_fit_into_memory_is_refused_before_it_begins():
    no_memory = ROBUSTNESS.model_copy(update={"memory_mb": 0})
    assert len(_build_tables(_run_invented(test="welch"), no_memory)) == 3  # this test has no search
    with pytest.raises(MemoryError, match=r"robustness.memory_mb: 0 MB, but \d+ specifications need 1 MB"):
        _divide(_run_invented(), no_memory)


def _select_changes(run, row):
    """Return change, arm and marker of the participants with a change in the outcome at the visit of a row."""
    changes = pick(run.changes, outcome=row.outcome, visit=row.visit).dropna(subset="value")
    marker = pick(run.strata, marker=row.marker).set_index("participant")["marker_value"]
    columns = changes["value"], changes["arm"].eq("d_q"), changes["participant"].map(marker)
    return [column.to_numpy() for column in columns]


def _assert_compares(row, value, is_first, inside, analysis):
    first, second = value[inside & is_first], value[inside & ~is_first]
    result, options = get_test(analysis.test).compare(first, second), {"confidence": 1 - analysis.alpha}
    if analysis.test == "welch":
        estimate = mean_difference(first, second, **options)
    else:
        estimate = hodges_lehmann(first, second, method=analysis.test, **options)
    assert (row.n_first, row.n_second) == (first.size, second.size)
    assert (row.median_first, row.median_second) == (np.median(first), np.median(second))
    assert row.p == pytest.approx(result.p, rel=1e-12, nan_ok=True)
    assert row.mann_whitney_effect == pytest.approx(result.u / first.size / second.size)
    limits = (np.nan if np.isinf(limit) else limit for limit in (estimate.lower, estimate.upper))
    np.testing.assert_array_equal([row.difference, row.lower, row.upper], [estimate.estimate, *limits])


@pytest.mark.parametrize(
    ("test", "at_cut", "alpha"), [("exact", "upper", 0.3), ("welch", "upper", 0.1), ("brunner_munzel", "lower", 0.1)]
)
def test_every_cutoff_and_window_compares_its_groups_by_the_test_of_the_analysis(test, at_cut, alpha):
    run = _run_invented(strata=settings.StrataRule(at_cut=at_cut, cuts=[0.5]), test=test, alpha=alpha)
    table, windows, _ = _build_tables(run)
    sides = set()
    for row in table.drop_duplicates(["outcome", "visit"]).itertuples():
        _, is_first, marker = _select_changes(run, row)
        for cut in np.unique(marker):
            above = marker >= cut if at_cut == "upper" else marker > cut
            for side, inside in (("above", above), ("below", ~above)):
                if min((inside & is_first).sum(), (inside & ~is_first).sum()) >= 2 and not inside.all():
                    sides.add((row.outcome, row.visit, cut, side))
    assert set(table[["outcome", "visit", "cut", "side"]].itertuples(index=False, name=None)) == sides
    for row in table.itertuples():
        value, is_first, marker = _select_changes(run, row)
        above = marker >= row.cut if at_cut == "upper" else marker > row.cut
        _assert_compares(row, value, is_first, above == (row.side == "above"), run.analysis)
        assert row.share_below == pytest.approx((~above).mean())
        has_both = {(row.outcome, row.visit, row.cut, side) for side in ("above", "below")} <= sides
        effects = [mann_whitney_effect(value[side & is_first], value[side & ~is_first]) for side in (above, ~above)]
        interaction = effect_difference(*effects, confidence=0.95).p if has_both else np.nan
        assert row.p_interaction == pytest.approx(interaction, rel=1e-9, nan_ok=True)
    assert set(windows["visit"]) == set(table["visit"])
    for _, rows in windows.groupby(["outcome", "visit"]):
        _, is_first, marker = _select_changes(run, rows.iloc[0])
        ordered, size, step = np.sort(marker), round(marker.size / 2), round(marker.size / 10)
        starts = *range(0, marker.size - size, step), marker.size - size
        arms = {(low, high): is_first[(marker >= low) & (marker <= high)]
                for low, high in ((ordered[i], ordered[i + size - 1]) for i in starts)}  # fmt: skip
        expected = {ends for ends, arm in arms.items() if min(arm.sum(), (~arm).sum()) >= 2}
        assert set(rows[["low", "high"]].itertuples(index=False, name=None)) == expected
    for row in windows.itertuples():
        value, is_first, marker = _select_changes(run, row)
        inside, middle = (marker >= row.low) & (marker <= row.high), row.median_marker
        _assert_compares(row, value, is_first, inside, run.analysis)
        assert middle == np.median(marker[inside])
        assert row.share_below == pytest.approx(((marker < middle).mean() + (marker <= middle).mean()) / 2)


@pytest.mark.parametrize(("size", "method"), [(49, "exact"), (50, "normal_continuity")])
def test_arms_of_50_are_tested_by_the_normal_approximation_as_in_r(size, method):
    people = pipeline.make_participants(pipeline.randomized(2 * size))
    run = pipeline.run(people, TRIAL, PUBLISHED.model_copy(update={"test": "exact"}), also=())
    layout = replace(run, changes=pick(run.changes, visit="week_2"))
    divided = _divide(layout, ROBUSTNESS.model_copy(update={"minimum_per_arm": size - 2}))
    assert set(divided.table["method"]) == {method}


def _read_strata_from_a_column():
    """Return the published analysis with the same strata, given in a column of the workbook."""
    run = pipeline.run_config()
    rule = settings.StrataRule(by="column", column="group", labels=["T1/T2", "T3"])
    strata = pick(run.strata, marker=MARKER)
    rows = strata[["participant", "arm"]].assign(variable="group", text=strata["stratum"], value=np.nan)
    frame = pd.concat([run.participants.frame, pipeline.make_participants(rows.to_dict("records")).frame])
    return pipeline.rerun(run, frame=frame, strata=rule, outcomes=["ctx", "p1np"])


@pytest.mark.parametrize(
    ("make_run", "markers", "names"),
    [
        (lambda: pipeline.rerun(pipeline.run_config(), outcomes=["ctx", "bmd_radius"]), 2, {"T1/T2", "T3"}),
        (_read_strata_from_a_column, 1, {"T1/T2", "T3"}),
        (lambda: pipeline.run_config(PBC), 1, {"T1", "T3", "T1 + T2", "T2 + T3"}),
    ],
)
def test_the_cutoff_of_the_analysis_has_the_numbers_of_the_results(make_run, markers, names):
    run = make_run()
    all_cuts = cutoffs.cutoffs_table(_divide(run, Robustness()))
    table, labels = select_analysis_cuts(all_cuts, run), run.analysis.strata.labels
    assert set(run.markers) == set(run.trial.markers)
    assert (table["marker"].nunique(), set(table["stratum"])) == (markers, names)
    results = run.results[run.results["contrast"].eq(run.trial.contrast) & run.results["measure"].ne("baseline")]
    # The middle one of three strata lies between two cutoffs.
    enough = results[["n_first", "n_second"]].min(axis=1) >= 6
    results = results[results["stratum"].isin([labels[0], labels[-1]]) & enough]
    keys = [*cutoffs.HEAD, "stratum"]
    p = table[table["stratum"].isin(labels)].set_index(keys)["p"]
    expected = pick(results, statistic="p").set_index(keys)["value"]
    assert len(p) == len(expected) >= 8
    np.testing.assert_allclose(p, expected.loc[p.index], rtol=1e-12)


def _list_groups(run):
    """Return the changes above and below every cutoff, by outcome, visit, side and cutoff."""
    wide, _ = pipeline.widen_changes(run)
    marker, groups = run.strata.set_index("participant")["marker_value"].reindex(wide.index), {}
    for place, value in wide.items():
        for cut in np.unique(marker[value.notna()])[1:]:
            groups |= {(*place, "above", cut): value[marker >= cut], (*place, "below", cut): value[marker < cut]}
    return pd.DataFrame(groups, wide.index).rename_axis(columns=["outcome", "visit", "side", "cut"])


@pytest.mark.parametrize("test", ["normal", "normal_continuity"])
def test_the_best_cutoff_has_the_smallest_p_and_its_corrected_p_is_its_share_of_all_splits(test):
    run = _run_invented(n=10, seed=1, test=test)
    table, _, best = _build_tables(run)
    best, groups = pick(best, marker=MARKER, reason=""), _list_groups(run)
    splits = [np.isin(np.arange(10), treated) for treated in combinations(range(10), 5)]
    splits.insert(0, pipeline.widen_changes(run)[1])
    for scope, searched in {"side": ["outcome", "visit", "side"], "both": ["outcome", "visit"], "family": []}.items():
        family = groups.T.groupby(searched, sort=False).ngroup().to_numpy() if searched else 0
        p = step_down_by_definition(get_test(test), groups.to_numpy(), splits, family, minimum=2)
        expected = pd.Series(p, groups.columns).loc[pd.MultiIndex.from_frame(best[groups.columns.names])].to_numpy()
        corrected = best[[f"p_best_of_{scope}{end}" for end in ("", "_lower", "_upper")]].to_numpy().T
        if scope == "both":
            is_worse = best["p"] > best.groupby(searched)["p"].transform("min")  # than at the cutoff of the other side
            expected = np.where(is_worse, np.nan, expected)
            assert 0 < is_worse.sum() < len(best)
        np.testing.assert_allclose(corrected, [expected] * 3, atol=1e-12)
    for row in best.itertuples():
        tried = pick(table, marker=MARKER, outcome=row.outcome, visit=row.visit, side=row.side)
        assert (row.p, row.cuts, row.permutations) == (pytest.approx(tried["p"].min()), len(tried), 252)
        assert one(tried, cut=row.cut)["difference"] == row.difference


@pytest.mark.parametrize(("alpha", "limits"), [(0.05, (3, 98)), (0.2, (10, 90))])
def test_the_interval_of_the_best_cutoff_has_the_level_of_the_analysis_and_p_has_one(alpha, limits, monkeypatch):
    cuts = np.append(np.arange(1.0, 101), np.nan)
    monkeypatch.setattr(cutoffs, "best_cut_bootstrap", lambda *_, **__: (cuts, np.arange(101) / 100))
    best = pick(_build_tables(_run_invented(alpha=alpha))[2], marker=MARKER)
    for name in ("p_best_of_side", "p_best_of_family"):  # P counts the data as a permutation, the interval does not
        assert (best[f"{name}_lower"] < best[name]).all()
        assert (best[name] < best[f"{name}_upper"] + 1 / 1000).all()
    row = best.iloc[0]
    assert (row["cut_lower"], row["cut_upper"], row["resamples"]) == (*limits, 100)
    effects = row[["effect_out_of_bag_lower", "effect_out_of_bag", "effect_out_of_bag_upper"]].to_list()
    assert effects == pytest.approx([alpha / 2, 0.5, 1 - alpha / 2])


def test_marker_values_that_differ_by_rounding_error_tie():
    tables = []
    for layout in (_run_invented(), _run_invented(noise=1e-13)):
        all_cuts, *others = _build_tables(layout)
        tables.append([all_cuts, *others, select_analysis_cuts(all_cuts, layout)])
    for expected, table in zip(*tables, strict=True):
        pd.testing.assert_frame_equal(expected, table)


def test_the_best_split_within_an_arm_is_that_of_its_participants():
    run = _run_invented(n=24)
    table = cutoffs.best_splits(_divide(run), TRIAL, ROBUSTNESS)
    for row in pick(table, marker=MARKER).itertuples():
        value, is_first, marker = _select_changes(run, row)
        in_arm = is_first == (row.arm == "d_q")
        split = best_split(marker[in_arm], value[in_arm], minimum=2, permutations=999, seed=ROBUSTNESS.seed)
        assert (row.n, row.cuts, row.cut, row.z) == (in_arm.sum(), split.splits, split.cut, split.z)
        assert (row.p, row.p_corrected) == (pytest.approx(2 * norm.sf(abs(split.z))), split.p.p)
    others = table[table["marker"].ne(MARKER)]
    assert set(others["reason"]) == {cutoffs.NO_MARKER}
    assert others["p_corrected"].isna().all()


@pytest.mark.parametrize(
    ("n", "alter", "reasons"),
    [
        (16, lambda changes: changes.assign(linked=False, marker=MARKER, stratum="T3"), {cutoffs.NO_MARKER}),
        (10, lambda changes: changes, {cutoffs.TOO_FEW_FOR_CUTS}),
        (16, lambda changes: changes.iloc[:0], set()),
    ],
)
def test_tables_without_cutoffs_are_empty_and_give_the_reason(n, alter, reasons):
    run = _run_invented(n)
    table, windows, best = _build_tables(replace(run, changes=alter(run.changes)), Robustness(permutations=99))
    columns = [cutoffs.CUTOFFS, cutoffs.WINDOWS, cutoffs.BEST_CUTS]
    assert [tuple(frame) for frame in (table, windows, best)] == columns
    assert len(table) == len(windows) == 0
    assert set(pick(best, marker=MARKER)["reason"]) == reasons
    assert set(best.loc[best["marker"].ne(MARKER), "reason"]) <= {cutoffs.NO_MARKER}
    assert best["p_best_of_side"].isna().all()


# -- the figures of all cutoffs ------------------------------------------------------------------------------------

PANEL = (MARKER, "p1np", "week_2")
POINT = ["share_below", "difference"]


@pytest.fixture(scope="module")
def tables():
    run = pipeline.run_config()
    layout = replace(run, changes=run.changes[run.changes["outcome"].isin(["ctx", "p1np"])])
    divided = _divide(layout, CHOSEN.robustness)
    all_cuts, windows = cutoffs.cutoffs_table(divided), cutoffs.windows_table(divided)
    best_cuts, _ = cutoffs.best_cuts(divided, TRIAL, PUBLISHED, CHOSEN.robustness)
    published_cuts = select_published_cuts(all_cuts, run.participants, layout)
    return CutTables(all_cuts, windows, best_cuts, select_analysis_cuts(all_cuts, layout), published_cuts)


@pytest.fixture
def draw_figure(tables, tmp_path, monkeypatch):
    """A function that draws the figure of a family by p16 variant 5 and returns it instead of writing it."""
    monkeypatch.setattr(style.Page, "save", lambda page, *_, **__: page.figure)

    def draw(family, trial=TRIAL, tables=tables):
        return drawing.draw_cutoffs(tables, trial, PUBLISHED, f"every_cut_{family}_{PANEL[0]}", tmp_path, None)

    return draw


def get_line(ax, label):
    (data,) = (line.get_xydata() for line in ax.lines if line.get_label() == label)
    return data


def test_lines_rings_marks_and_corrected_p_have_the_values_of_the_tables(tables, draw_figure):
    figure, panel = draw_figure("turnover"), tables.of(*PANEL)
    place = list_cutoff_figures(TRIAL)[f"every_cut_turnover_{PANEL[0]}"][2].index(PANEL[1:])
    differences, p_axes, sliding = figure.axes[3 * place : 3 * place + 3]
    assert p_axes.get_yscale() == "log"
    assert (get_line(p_axes, "alpha")[:, 1] == 0.05).all()
    for side in ("above", "below"):
        rows, best = (table[table["side"].eq(side)] for table in (panel.cutoffs, panel.best_cuts))
        np.testing.assert_array_equal(get_line(differences, side), rows[POINT].to_numpy(float))
        np.testing.assert_array_equal(get_line(p_axes, side), rows[["share_below", "p"]].to_numpy(float))
        assert get_line(p_axes, f"best {side}")[:, 1] == pytest.approx(best["p"].to_numpy(float))
    np.testing.assert_array_equal(get_line(sliding, "windows"), panel.windows[POINT].to_numpy(float))
    (bars,) = (c for c in sliding.collections if c.get_label() == "windows")
    limits = np.array([segment[:, 1] for segment in bars.get_segments()])
    np.testing.assert_array_equal(limits, panel.windows[["lower", "upper"]].to_numpy(float))
    # 39 of the 60 women are below the upper tertile, 21 at or above it.
    assert {x for name in ("own cut", "published cut") for x, _ in get_line(sliding, name)} == {39 / 60}
    best = panel.best_of_both()
    corrected = f"corrected {format_p_digits(best.p_best_of_both)}, in family {format_p_digits(best.p_best_of_family)}"
    assert render_text("every_cut", "best", best=best, decimals=2).endswith(f"\n{corrected}")
    assert best.p < best.p_best_of_both < best.p_best_of_family


@pytest.mark.parametrize(
    ("power", "first_is_empty", "panels", "labelled"),
    [(1, False, 4, 4), (1.6, False, 4, 4), (2.4, False, 4, 1), (60, False, 4, 1), (60, True, 3, 1)],
)
def test_small_p_have_few_labels_which_do_not_reach_the_panel_to_the_left(
    tables, draw_figure, power, first_is_empty, panels, labelled
):
    is_first = tables.cutoffs["outcome"].eq("ctx") & tables.cutoffs["visit"].eq("week_2")
    rows = tables.cutoffs[~is_first] if first_is_empty else tables.cutoffs
    smaller = tables._replace(cutoffs=rows.assign(p=rows["p"] ** power))
    visits = {"follow_up": ["week_2", "week_20"]}
    outcomes = {key: TRIAL.outcomes[key].model_copy(update=visits) for key in ("ctx", "p1np")}
    trial = TRIAL.model_copy(update={"outcomes": outcomes})
    figure = draw_figure("turnover", trial, smaller)
    figure.draw_without_rendering()
    p_axes = [ax for ax in figure.axes if ax.get_yscale() == "log"]
    lowest, highest = p_axes[0].get_ylim()
    ticks = [value for value in p_axes[0].get_yticks() if lowest <= value <= highest]
    assert 3 <= len(ticks) <= 5
    assert set(ticks) <= {10.0**-power for power in range(200)}
    drawn_texts = drawn.list_texts(figure)
    labels = [[t for t in ax.get_yticklabels() if t in drawn_texts] for ax in p_axes]
    assert (len(p_axes), len(list(filter(None, labels)))) == (panels, labelled)
    for before, texts in zip(p_axes, labels[1:], strict=False):
        assert all(text.get_window_extent().x0 > before.bbox.x1 for text in texts)


@pytest.mark.parametrize("trial", [TRIAL, drawn.lengthen_labels(TRIAL)])
def test_the_legend_is_complete_no_text_overlaps_and_fewer_panels_than_columns_fill_the_width(draw_figure, trial):
    figure = draw_figure("turnover", trial)
    (legend,) = figure.legends
    labels = "above the cutoff, below the cutoff, own cutoff, published cutoff, best of a side, sliding window"
    assert ", ".join(text.get_text() for text in legend.get_texts()) == labels
    assert drawn.find_faults(figure) == []
    changes = list_cutoff_figures(trial)[f"every_cut_turnover_{PANEL[0]}"][2]
    titles = [text.get_text().replace("\n", " ") for text in figure.texts if text.get_weight() == "bold"]
    assert all(trial.visits[visit].label in title for (_, visit), title in zip(changes, titles, strict=True))
    assert count_columns([("ctx", visit) for visit in range(6)]) == 4
    alone = TRIAL.model_copy(update={"outcomes": {"bmd_radius": TRIAL.outcomes["bmd_radius"]}})
    assert draw_figure("bmd", alone).axes[0].get_position().width > 0.8


@pytest.mark.parametrize("at_cut", ["upper", "lower"])
def test_the_published_cutoff_does_not_depend_on_the_cutoffs_of_the_analysis(at_cut):
    run = pipeline.run_config()
    rule = settings.StrataRule(cuts=[0.3, 0.6], labels=["a", "b", "c"], at_cut=at_cut)
    other = PUBLISHED.model_copy(update={"strata": rule})
    layout = replace(run, changes=pick(run.changes, outcome="p1np"), analysis=other)
    all_cuts = cutoffs.cutoffs_table(_divide(layout, CHOSEN.robustness))
    published = select_published_cuts(all_cuts, run.participants, layout)
    panel = pick(published, marker=PANEL[0], visit=PANEL[2])
    assert (set(panel["share_below"]), set(panel["side"])) == ({39 / 60}, {"above", "below"})
    without = replace(run, trial=TRIAL.model_copy(update={"cuts": []}))
    assert select_published_cuts(all_cuts, run.participants, without).empty


@pytest.mark.parametrize(
    ("best", "label", "start", "complete"),
    [({"cut": -1512345.5}, LABEL, f"{LABEL}. Bone", True), ({"p_best_of_both": np.nan}, None, "Bone", False)],
)
def test_words_give_the_label_and_the_best_cutoff_or_its_absence_and_captions_the_families_too_large_for_a_page(
    tables, best, label, start, complete
):
    assert {family for family, *_ in list_cutoff_figures(TRIAL).values()} == {"turnover", "bmd"}
    sentence = "The comparisons of senescence-associated secretory phenotype are in cutoffs.csv in the same folder, without a figure"
    drawn_cuts, protein = tables.cutoffs, tables.cutoffs[:1].assign(outcome="sasp_il6")
    all_cuts = drawn_cuts if complete else pd.concat([drawn_cuts, protein])
    changed = tables._replace(best_cuts=tables.best_cuts.assign(**best), cutoffs=all_cuts)
    figures = drawing.describe_cutoffs(changed, TRIAL, PUBLISHED, CHOSEN.robustness, label)
    words = figures[f"every_cut_turnover_{PANEL[0]}"]["words"]
    assert words.startswith(f"{start} turnover")
    assert (" −1512345.5, P = " in words, "no cutoff to try" in words) == (complete, not complete)
    assert "in stratum" not in figures["every_cut_turnover_p16_variant_1+5"]["words"]
    for name, figure in figures.items():
        assert (sentence in figure["caption"]) != complete, name
        assert "A value equal to a cutoff counts as above it." in figure["caption"]
