"""What labels are found to say, and how headers may be written without a change of what they say."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from layouts import cohort

from d_q_trial.errors import UserError
from d_q_trial.recognition.vocabulary import Vocabulary
from d_q_trial.trial import Marker

VOCABULARY = Vocabulary(cohort.trial())


def said(text):
    """What a label says, without what it does not say."""
    reading = VOCABULARY.label(text)
    return {key: value for key, value in vars(reading).items() if value and key != "candidates"}


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("β-CrossLaps (ng/mL), wk2", {"variable": "ctx", "visit": "week_2", "unit": "ng/ml"}),
        ("p16 variant 5, AU", {"variable": "p16_variant_5", "unit": "au"}),
        ("p16 variant 5 week 20", {"variable": "p16_variant_5", "visit": "week_20"}),
        ("β-CTX, Month 5, ng/mL", {"variable": "ctx", "unknown_visit": "month 5", "unit": "ng/ml"}),
        ("Serum C-terminal telopeptide of type I collagen at week 2", {"variable": "ctx", "visit": "week_2"}),
        ("Bone mineral density at the ultradistal radius at week 20", {"variable": "bmd_radius", "visit": "week_20"}),
        ("T cell p16INK4a mRNA expression (variant 5)", {"variable": "p16_variant_5"}),
        ("T cell p16INK4a relative expression, variants 1 and 5", {"variable": "p16_variant_1+5"}),
        ("BMD, lumbar spine [g/cm2] BL", {"variable": "bmd_lumbar_spine", "visit": "baseline", "unit": "g/cm2"}),
        ("MMP-2", {"variable": "sasp_mmp2"}),
        ("CTx (T3)", {"variable": "ctx", "stratum": "T3"}),
        ("CTx (T1/T2 of p16)", {"variable": "ctx", "stratum": "T1/T2"}),
        ("CTx (log2)", {"variable": "ctx", "measure": "other"}),
        ("GROα % change, day 14", {"variable": "sasp_gro_alpha", "measure": "percent_change", "visit": "week_2"}),
        ("% change", {"measure": "percent_change"}),
        ("CTx 12 months", {"variable": "ctx", "unknown_visit": "12 months"}),
        ("CTx follow-up", {"variable": "ctx", "unknown_visit": "follow-up"}),
        ("Participant identification number", {"role": "participant"}),
        ("Unique subject code", {"role": "participant"}),
        ("Treatment allocation", {"role": "arm"}),
        ("µg/L", {"unit": "ug/l"}),
    ],
)
def test_label_says_all_that_it_holds_and_no_more(text, meaning):
    assert said(text) == meaning


@pytest.mark.parametrize(
    "text", ["p16 variant 1", "p16 variant 5 and variant 1", "p16INK4a mRNA", "IL6 mRNA expression", "CTx kit", "study"]
)
def test_label_with_an_unknown_part_is_not_certain(text):
    assert not VOCABULARY.label(text).certain


def with_arms(**names):
    """The vocabulary of a trial whose arms have other names."""
    trial = cohort.trial()
    arms = {key: getattr(trial.arms, key).model_copy(update={"names": own}) for key, own in names.items()}
    return Vocabulary(trial.model_copy(update={"arms": trial.arms.model_copy(update=arms)}))


def test_a_decimal_point_and_signs_of_comparison_tell_names_apart():
    own = with_arms(treated=["1.5 mg", "> 20"], control=["15 mg", "< 20"])
    assert [own.arm(text) for text in ("1.5 mg", "15 mg", "1.5mg", "> 20", "<20", "20")] == [
        "d_q", "control", "d_q", "d_q", "control", None,
    ]  # fmt: skip
    assert own.label("1.5 mg group").arm == "d_q"


def test_a_name_of_two_arms_is_refused():
    with pytest.raises(UserError, match=r"'group1' names several arms"):
        with_arms(treated=["Group 1"], control=["group-1"])


def test_number_behind_a_name_is_the_visit_that_the_trial_calls_so():
    trial = cohort.trial()
    named = {key: visit.model_copy(update={"names": [str(n)]}) for n, (key, visit) in enumerate(trial.visits.items())}
    numbered = Vocabulary(trial.model_copy(update={"visits": named}))
    for text in ("p1np1", "PINP_1", "pinp 1"):
        reading = numbered.label(text)
        assert (reading.variable, reading.visit, reading.certain) == ("p1np", list(named)[1], True)
    assert numbered.label("P1NP").visit is None
    assert not numbered.label("p1np9").certain
    assert not any(VOCABULARY.label(text).certain for text in ("p1np2", "BMD_FN_20", "MMP2.2"))  # week 2, or the second


def test_a_marker_with_the_key_of_an_outcome_is_found_by_the_names_of_the_outcome():
    trial = cohort.trial()
    marker = Marker(key="ctx", label="Resorption")
    own = Vocabulary(trial.model_copy(update={"markers": trial.markers | {"ctx": marker}}))
    assert own.label("Beta-CTX, baseline").variable == VOCABULARY.label("Beta-CTX, baseline").variable == "ctx"
    assert own.label("Resorption").variable is None


NAMES = [
    (key, name)
    for key, thing in cohort.trial().outcomes.items()
    for name in (key, thing.label, *thing.names)
    if thing.follow_up and VOCABULARY.label(name).variable
]
TIMES = {
    "baseline": ["Baseline", "BL", "W0", "week 0", "day 0"],
    "week_2": ["week 2", "wk2", "W2", "W02", "2 weeks", "day 14", "2-wk"],
    "week_4": ["Week 4", "WK 4", "4 wk", "day 28"],
    "week_20": ["W20", "20 weeks", "Week 20", "day 140"],
}


@given(
    named=st.sampled_from(NAMES),
    visit=st.sampled_from(list(TIMES)),
    data=st.data(),
    gap=st.sampled_from([" ", "_", ", ", " - ", " – ", "  ", "\n", " | "]),
    cased=st.sampled_from([str, str.upper, str.lower]),
)
def test_spelling_order_case_and_separators_do_not_change_what_a_header_says(named, visit, data, gap, cased):
    key, name = named
    time = data.draw(st.sampled_from(TIMES[visit]))
    parts = [cased(name), cased(time)]
    if data.draw(st.booleans()) and not time[0].isdigit() and not name[0].isdigit():
        parts.reverse()
    reading = VOCABULARY.label(gap.join(parts))
    assert (reading.variable, reading.visit, reading.leftover) == (key, visit, ""), gap.join(parts)


@pytest.mark.parametrize(
    "label", ["CTX" + "w1" * 90 + "z", "w" * 250 + "ctx", "p16" + "1w" * 90 + "z", "CTX" + "1" * 250]
)
def test_endless_headers_are_not_read_in_all_ways(label):
    started = time.monotonic()
    assert VOCABULARY.label(label).leftover
    assert time.monotonic() - started < 1
