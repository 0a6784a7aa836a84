"""What was done about robustness, in sentences; each stands only where its table was made."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from .. import labels

if TYPE_CHECKING:
    from .methods import Facts

Cite = Callable[..., str]


def robustness_sentences(facts: Facts, cite: Cite) -> list[str]:
    """Describe the robustness analyses of a run, in the order in which the report shows them.

    Parameters
    ----------
    facts : Facts
        ``made`` names the tables that exist, ``robustness`` is the section of the configuration.
    cite : callable
        Takes keys of the references and returns their numbers in brackets.
    """
    if facts.robustness is None:
        return []
    tell = {
        "sensitivity/interaction": _interaction,
        "robustness/cutoffs": _cutoffs,
        "robustness/multiplicity": _multiplicity,
        "robustness/specifications": _multiverse,
        "sensitivity/sensitivity": _sensitivity,
        "sensitivity/leave_one_out": _leave_one_out,
    }
    told = [sentences for name, say in tell.items() if name in facts.made and (sentences := say(facts, cite))]
    if not told:
        return []
    return [
        *told,
        f"Analyses by permutation used {facts.robustness.permutations:,} permutations and the seed "
        f"{facts.robustness.seed}; their P-values count the data as one of the permutations {cite('phipson')}.",
    ]


def _interaction(facts: Facts, cite: Cite) -> str:
    return (
        "Whether treatment acts differently between strata was tested by the difference of their Mann-Whitney effects, with "
        f"the variance from placements and Student's t {cite('brunner', 'delong')}, and by strata dealt anew within arms; "
        "along the marker, by the product of arm and marker in a regression of the log ratio with HC3 standard errors "
        f"{cite('mackinnon')}."
    )


def _cutoffs(facts: Facts, cite: Cite) -> str:
    markers = labels.listing([labels.within(marker.label) for marker in facts.trial.markers.values()])
    fewest = facts.robustness.minimum_per_arm
    return (
        f"The arms were also compared above and below every cut of {markers} that leaves at least {labels.count(fewest)} "
        f"participants per arm, and in windows sliding along it {cite('bonetti')}. P of the best cut was corrected for the "
        f"search by permuted arm labels {cite('westfall')}."
    )


def _multiplicity(facts: Facts, cite: Cite) -> str:
    if not facts.robustness.families:
        return ""
    names = labels.listing([f"“{name}”" for name in facts.robustness.families])
    within = "the family" if len(facts.robustness.families) == 1 else "the families"
    return (
        f"Within {within} {names}, P-values were adjusted by the methods of Holm {cite('holm')} and of Benjamini and "
        f"Hochberg {cite('benjamini')}, and by step-down max-T with permuted arm labels {cite('westfall')}."
    )


def _multiverse(facts: Facts, cite: Cite) -> str:
    chosen = facts.robustness.multiverse
    outcomes = labels.listing([labels.within(facts.trial.outcomes[key].label) for key in chosen.outcomes])
    return (
        f"For {outcomes}, all combinations of marker and cut, visit, kind of change, variant of the test, outlier rule, "
        "missing-value rule and population were computed and tested together by permuted arm labels "
        f"{cite('simonsohn')}."
    )


def _sensitivity(facts: Facts, cite: Cite) -> str:
    return (
        "Sensitivity analyses were analysis of covariance on the baseline value with HC3 standard errors, a linear mixed model "
        f"over visits, multiple imputation from a multivariate normal model {cite('rubin')}, and the lowest and highest P-value that "
        "any values of the missing participants could give."
    )


def _leave_one_out(facts: Facts, cite: Cite) -> str:
    return "Each comparison was repeated without each participant in turn."
