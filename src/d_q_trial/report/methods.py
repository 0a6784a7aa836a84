"""The sentences of the methods, which follow the settings of the analysis; their text is in ``methods.md.j2``."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from .. import formatting, labels
from ..changes import EXCLUDED
from ..pages import environment
from ..results_table import ALL_PARTICIPANTS
from ..stats.two_sample import TESTS, get_test
from ..tables.catalogue import HIGHEST, Headline
from ..trial import BASELINE
from . import verdicts
from .facts import Facts
from .headlines import describe_group, effect, estimator, group_of, name_p
from .pieces import is_large

_CHANGE_NAMES = labels.CHANGES | {"difference": "change"}


@cache
def references() -> Mapping[str, str]:
    """Read the references by the keys that the sentences use; each two-sample test brings its own."""
    import yaml

    listed = yaml.safe_load((Path(__file__).parent / "references.yaml").read_text(encoding="utf-8"))
    return listed | {key: text for test in TESTS.values() for key, text in test.references.items()}


def paragraph(facts: Facts) -> str:
    """Return methods and main results as Markdown, to be pasted into a manuscript; markup in names is escaped."""
    cited: list[str] = []

    def cite(*keys: str) -> str:
        cited.extend(key for key in keys if key not in cited)
        return "[" + ",".join(str(cited.index(key) + 2) for key in keys) + "]"

    sources = dict.fromkeys(verdict.source for verdict in facts.verdicts)
    results = [*main_sentences(facts), *(verdicts.sentence(verdicts.summarise(facts.verdicts, s)) for s in sources)]
    template = environment().overlay(autoescape=False).get_template("methods.md.j2")
    text = template.render(
        facts=facts,
        cite=cite,
        references=get_test(facts.analysis.test).references,
        results=results,
        **sentences(facts),
    )
    blocks = [" ".join(block.split()) for block in re.split(r"\n\s*\n", text)]
    listed = [facts.trial.citation, *(references()[key] for key in cited)]
    blocks.append("\n".join(f"{number}. {' '.join(entry.split())}" for number, entry in enumerate(listed, start=1)))
    return re.sub(r"<(?=[A-Za-z/!?])", "&lt;", "\n\n".join(filter(None, blocks))) + "\n"


def sentences(facts: Facts) -> dict[str, str]:
    """Return the sentences that both the page and the paragraph use, and the words from which others are made."""
    analysis, trial = facts.analysis, facts.trial
    names = [labels.within(marker.label) for marker in trial.markers.values()]
    chosen = facts.robustness.multiverse.outcomes if facts.robustness else {}
    families = facts.robustness.families if facts.robustness else {}
    return {
        "test": get_test(analysis.test).sentence,
        "interval": labels.interval(analysis),
        "estimator": estimator(facts)[1],
        "level": labels.interval_level(analysis),
        "direction": labels.direction(trial),
        "measure": _CHANGE_NAMES[analysis.measure],
        "outcomes": _outcomes(facts),
        "change": f"The {_CHANGE_NAMES[analysis.measure]} of a participant is {labels.FORMULAS[analysis.measure]}.",
        "excluded": _excluded(analysis.exclude),
        "outliers": _outliers(facts),
        "missing": _missing(facts),
        "strata": _strata(facts) if facts.strata else _stated_strata(facts),
        "proportions": _known(facts, (o.key for o in trial.outcomes.values() if o.kind == "binary"), "p"),
        "correlations": _correlations(facts),
        "study": study_sentence(facts),
        "markers": labels.listing(names),
        "fewest": labels.count(facts.robustness.minimum_per_arm) if facts.robustness else "",
        "families": labels.listing([f"“{name}”" for name in families]),
        "multiverse": labels.listing([labels.within(verdicts.variable(key, trial)) for key in chosen]),
    }


def study_sentence(facts: Facts) -> str:
    """Say in one sentence what trial this is, with the sizes of its arms and its visits."""
    trial, arms = facts.trial, []
    for key, arm in trial.analysed_arms.items():
        known = [facts.numbers.get(name, BASELINE, BASELINE, "n", group=key).value for name in trial.outcomes]
        with_marker = Counter(row["marker"] for row in facts.strata if row["arm"] == key)
        size = max((n for n in (*known, *with_marker.values()) if n > 0), default=0)
        arms.append(f"{labels.within(arm.label)} (n = {size:.0f})" if size else labels.within(arm.label))
    visits = labels.listing([visit.label.lower() for visit in trial.visits.values()])
    registered = f" (registered as {trial.registration})" if trial.registration else ""
    return f"The trial “{trial.title}”{registered} compared {arms[0]} with {arms[1]}, with measurements at {visits}."


def main_sentences(facts: Facts) -> list[str]:
    """Describe the comparisons that the catalogue of tables names; without any, those of the analysis's first outcome."""
    follow_up = (
        (outcome.key, visit) for outcome in facts.trial.outcomes.values() for visit in reversed(outcome.follow_up)
    )
    first = ([Headline(outcome=o, visit=v, stratum=name) for name in (ALL_PARTICIPANTS, HIGHEST)] for o, v in follow_up)
    for lines in (facts.headlines, *first):
        if made := [sentence for line in lines if (sentence := headline_sentence(line, facts))]:
            return made
    return []


def headline_sentence(headline: Headline, facts: Facts) -> str:
    """Say one comparison of the arms with its numbers; empty if the analysis does not have it."""
    trial, analysis = facts.trial, facts.analysis
    group, outcome, measure = group_of(headline, facts), trial.outcomes[headline.outcome], analysis.measure
    found = effect(facts, headline.outcome, headline.visit, group)
    if found is None:
        return ""
    place = {"marker": "" if group == ALL_PARTICIPANTS else analysis.marker, "stratum": group}
    decimals = labels.change_decimals(measure, outcome.decimals)
    unit = labels.change_unit(measure, outcome.unit)
    unit = "%" if unit == "%" else f" {unit}" if measure == "difference" else ""
    medians = []
    for key, arm in trial.analysed_arms.items():
        value = facts.numbers.get(outcome.key, measure, headline.visit, "median", group=key, **place).value
        medians.append(f"{formatting.number(value, decimals)}{unit} with {labels.within(arm.label)}")
    who = "" if group == ALL_PARTICIPANTS else f"In {describe_group(group, facts)}, "
    preposition, role = "of" if measure == "log_ratio" else "in", f" ({headline.role})" if headline.role else ""
    subject = (
        f"{who}the median {_CHANGE_NAMES[measure]} {preposition} {labels.within(outcome.label)} from baseline to "
        f"{trial.visits[headline.visit].label}{role} was"
    )
    points = " percentage points" if unit == "%" else unit
    interval = f"{labels.interval_level(analysis)} CI {found.limits or 'not defined'}"
    estimate = f"{estimator(facts)[1]} {found.estimate}{points}, {interval}, {name_p(found.p)}"
    return f"{subject[0].upper()}{subject[1:]} {' and '.join(medians)} ({estimate})."


def _outcomes(facts: Facts) -> str:
    """Say which changes were analysed, those with the same visits together; empty if none was."""
    trial, measure, arm = facts.trial, facts.analysis.measure, facts.trial.arms.treated.key
    groups: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for outcome in trial.outcomes.values():
        made = [facts.numbers.get(outcome.key, measure, visit, "n", group=arm).value for visit in outcome.follow_up]
        visits = tuple(v for v, n in zip(outcome.follow_up, made, strict=True) if not math.isnan(n))
        if visits:
            groups.setdefault((outcome.family, visits), []).append(labels.within(outcome.label))
    parts = []
    for (family, visits), members in groups.items():
        family_name = labels.within(trial.families[family])
        names = f"{len(members)} outcomes ({family_name})" if is_large(family, trial) else labels.listing(members)
        parts.append(f"{names} at {labels.listing([trial.visits[visit].label for visit in visits])}")
    listed = "; and in ".join(["; in ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
    return f"We analysed the change from baseline in {listed}." if parts else ""


def _excluded(names: list[str]) -> str:
    if not names:
        return ""
    counted = labels.counted(len(names), "participant")
    return f"{counted.capitalize()} ({labels.listing(names)}) {'was' if len(names) == 1 else 'were'} excluded."


def _outliers(facts: Facts) -> str:
    rule = facts.analysis.outliers
    if rule.rule == "keep":
        return "No value was trimmed or winsorized."
    ranges = f"{rule.limit:g} interquartile {'range' if rule.limit == 1 else 'ranges'}"
    done = "left out" if rule.rule == "trim" else "set to that limit"
    return f"Changes more than {ranges} beyond the quartiles of their arm were {done}."


def _missing(facts: Facts) -> str:
    """Count the changes that are missing, by reason; those of excluded participants are counted with the exclusion."""
    reasons = Counter(row["reason"] for row in facts.exclusions if row["reason"] not in ("", EXCLUDED))
    why = "; ".join(f"{reason}: {number:,}" for reason, number in reasons.items())
    total = reasons.total()
    verb = "is" if total == 1 else "are"
    return f"Of the changes of single participants, {total:,} {verb} missing ({why})." if total else ""


def _strata(facts: Facts) -> str:
    """Say how participants were divided, how many each stratum has, and where quantiles put the cutoffs."""
    rule, marker = facts.analysis.strata, facts.trial.markers[facts.analysis.marker]
    own = [row for row in facts.strata if row["marker"] == marker.key]
    counts = Counter(row["stratum"] for row in own)
    parts = [labels.strata(rule, labels.within(marker.label), marker.unit)]
    if sizes := [f"{counts[name]} ({name})" for name in rule.labels if name in counts]:
        parts.append(f"The strata contain {labels.listing(sizes)} participants.")
    cuts = sorted({float(row[side]) for row in own for side in ("lower", "upper") if row[side]})
    values = [f"{cut:.4g}" for cut in cuts]
    if rule.by == "quantile" and values:
        lie = "The cutoff is" if len(values) == 1 else "The cutoffs are"
        parts.append(f"{lie} {labels.listing(values)} {marker.unit}".rstrip() + ".")
    return " ".join(parts)


def _stated_strata(facts: Facts) -> str:
    """Say where strata come from if nobody was assigned to them: groups without ids state their own."""
    arm, measure = facts.trial.arms.treated.key, facts.analysis.measure
    stated = any(
        facts.numbers.get(o.key, measure, visit, "n", group=arm, marker=marker, stratum=label).value > 0
        for o in facts.trial.outcomes.values()
        for visit in o.follow_up
        for marker in facts.trial.markers
        for label in facts.analysis.strata.labels
    )
    return "The strata are those that the workbook states; its participants have no ids." if stated else ""


def _known(facts: Facts, outcomes: Iterable[str], statistic: str) -> bool:
    contrast = facts.trial.contrast
    found = (facts.numbers.get(key, BASELINE, BASELINE, statistic, contrast=contrast).value for key in outcomes)
    return any(not math.isnan(value) for value in found)


def _correlations(facts: Facts) -> bool:
    sample = facts.trial.population
    if sample is None:
        return False
    key = ("correlation", BASELINE, "spearman_r")
    return any(
        not math.isnan(facts.numbers.get(marker, *key, contrast=sample.age, group=group).value)
        for marker in facts.trial.markers
        for group in ("participants", "population")
    )
