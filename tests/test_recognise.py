"""The meaning of labels, and spellings of headers that do not change it."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from layouts.writers import TIMES
from pipeline import TRIAL

from d_q_trial.errors import UserError
from d_q_trial.recognition.vocabulary import Vocabulary
from d_q_trial.trial import Marker

VOCABULARY = Vocabulary(TRIAL)


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
        # A number before a time belongs to what precedes it.
        ("Fig. 4 week 2", {"visit": "week_2", "leftover": "fig 4"}),
        ("Visit 4 week 20", {"visit": "week_20", "leftover": "visit 4"}),
        ("CTx T1/T2 week 4", {"variable": "ctx", "visit": "week_4", "stratum": "T1/T2"}),
        ("CTx week 4 (24 weeks)", {"variable": "ctx", "visit": "week_4", "qualifier": "24 weeks"}),
        ("CTx week 4 (%) (ng/mL)", {"variable": "ctx", "visit": "week_4", "unit": "percent"}),
        ("p16 variant 5 (1)", {"variable": "p16_variant_5", "qualifier": "1"}),  # a footnote, not variants 1 and 5
    ],
)
def test_meaning_of_a_label_is_complete(text, meaning):
    reading = vars(VOCABULARY.label(text))
    assert {key: value for key, value in reading.items() if value and key != "candidates"} == meaning


UNCERTAIN = ["p16 variant 1", "p16 variant 5 and variant 1", "p16INK4a mRNA", "IL6 mRNA expression", "CTx kit", "study"]
UNCERTAIN += ["preCTX", "20wCTX", "CTx % change month 3, week 20"]
UNCERTAIN += ["p1np2", "BMD_FN_20", "MMP2.2"]  # week 2, or the second


@pytest.mark.parametrize("text", UNCERTAIN)
def test_label_with_an_unknown_part_is_not_certain(text):
    assert not VOCABULARY.label(text).certain


def rename_arms(**names):
    """Return the vocabulary of a trial whose arms have other names."""
    arms = {key: getattr(TRIAL.arms, key).model_copy(update={"names": aliases}) for key, aliases in names.items()}
    return Vocabulary(TRIAL.model_copy(update={"arms": TRIAL.arms.model_copy(update=arms)}))


def test_a_decimal_point_and_comparison_signs_distinguish_arms_and_two_arms_with_one_name_are_refused():
    vocabulary = rename_arms(treated=["1.5 mg", "> 20"], control=["15 mg", "< 20"])
    expected = {"1.5 mg": "d_q", "15 mg": "control", "1.5mg": "d_q", "> 20": "d_q", "<20": "control", "20": None}
    assert {text: vocabulary.arm(text) for text in expected} == expected
    assert vocabulary.label("1.5 mg group").arm == "d_q"
    with pytest.raises(UserError, match=r"'group1' names several arms"):
        rename_arms(treated=["Group 1"], control=["group-1"])


def test_number_after_a_name_is_a_visit_only_if_the_trial_names_it_so():
    visits = {key: visit.model_copy(update={"names": [str(n)]}) for n, (key, visit) in enumerate(TRIAL.visits.items())}
    numbered = Vocabulary(TRIAL.model_copy(update={"visits": visits}))
    for text in ("p1np1", "PINP_1", "pinp 1"):
        reading = numbered.label(text)
        assert (reading.variable, reading.visit, reading.certain) == ("p1np", list(visits)[1], True)
    assert numbered.label("P1NP").visit is None
    assert not numbered.label("p1np9").certain


def test_a_name_is_read_as_it_is_written_even_if_its_words_mean_something_else_or_another_name_contains_it():
    names = ["Delta-9-THC", "Delta-9-THC acid", "Change talk score", "Change score", "Change score total"]
    names += ["EQ-5D (index, week 1 recall)", "Baseline dyspnoea index", "T1 relaxation time", "% predicted FEV1"]
    names += ["PANSS (total)", "Ωμέγα δείκτης", "Log viral load"]
    new = {name: TRIAL.outcomes["ctx"].model_copy(update={"label": name, "names": []}) for name in names}
    vocabulary = Vocabulary(TRIAL.model_copy(update={"outcomes": TRIAL.outcomes | new}))
    for name in names:
        for text, *meaning in (
            ("{}", None, None, None),
            ("{} baseline", "baseline", None, None),
            ("week 20 {} % change", "week_20", "percent_change", None),
            ("{}, week 2 (ng/mL)", "week_2", None, "ng/ml"),
        ):
            reading = vocabulary.label(text.format(name))
            assert [reading.variable, reading.visit, reading.measure, reading.unit] == [name, *meaning]
            assert reading.certain


def test_a_marker_with_the_key_of_an_outcome_has_the_names_of_the_outcome():
    markers = TRIAL.markers | {"ctx": Marker(key="ctx", label="Resorption")}
    vocabulary = Vocabulary(TRIAL.model_copy(update={"markers": markers}))
    assert vocabulary.label("Beta-CTX, baseline").variable == VOCABULARY.label("Beta-CTX, baseline").variable == "ctx"
    assert vocabulary.label("Resorption").variable is None


NAMES = [
    (key, name)
    for key, outcome in TRIAL.outcomes.items()
    for name in (key, outcome.label, *outcome.names)
    if outcome.follow_up and VOCABULARY.label(name).variable
]


@given(
    key_and_name=st.sampled_from(NAMES),
    visit=st.sampled_from(list(TIMES)),
    data=st.data(),
    gap=st.sampled_from([" ", "_", ", ", " - ", " – ", "  ", "\n", " | "]),
    change_case=st.sampled_from([str, str.upper, str.lower]),
)
def test_spelling_order_case_and_separators_do_not_change_the_meaning(key_and_name, visit, data, gap, change_case):
    key, name = key_and_name
    time = data.draw(st.sampled_from(TIMES[visit]))
    parts = [change_case(name), change_case(time)]
    if data.draw(st.booleans()) and not time[0].isdigit() and not name[0].isdigit():
        parts.reverse()
    reading = VOCABULARY.label(gap.join(parts))
    assert (reading.variable, reading.visit, reading.leftover) == (key, visit, ""), gap.join(parts)


@pytest.mark.parametrize("label", [f"CTX{'w1' * 90}z", "w" * 250 + "ctx", f"p16{'1w' * 90}z", "CTX" + "1" * 250])
def test_endless_header_is_read_within_a_second(label):
    started = time.process_time()
    assert VOCABULARY.label(label).leftover
    assert time.process_time() - started < 1
