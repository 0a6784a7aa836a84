"""The findings as one self-contained page."""

from __future__ import annotations

import math
from html import escape
from itertools import groupby

from . import picture
from .analysis import Report
from .assess import ATTAINABLE
from .explained import label, solutions
from .findings import KINDS, share
from .lattice import VARIANTS

_STYLE = """
:root { --ink: #1c2430; --soft: #5b6675; --line: #d5dae1; --paper: #fff; --fill: #f4f6f9; --band: #f3d9a4;
  --hit: #9c2f10; --tick: #6d7c90; --bar: #2f5d8a }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6eaf0; --soft: #a3aebc; --line: #3a4452; --paper: #14181e; --fill: #1d232b; --band: #6b5420;
    --hit: #ff9d73; --tick: #93a2b7; --bar: #7fb2e5 } }
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif }
main { max-width: 72rem; margin: 0 auto; padding: 1rem }
h1 { font-size: 1.5rem; line-height: 1.25 }
h2 { font-size: 1.2rem; margin-top: 2.2rem }
h3 { font-size: 1rem; margin: 1.2rem 0 .3rem }
p { max-width: 46rem }
svg { width: 100%; height: auto; display: block }
svg text { font: 11px system-ui, sans-serif; fill: var(--ink) }
svg .chosen { font-weight: 700 }
.band { fill: var(--band) }
.axis { stroke: var(--line) }
.tick { stroke: var(--tick); stroke-width: 1.3 }
.hit { stroke: var(--hit); stroke-width: 2.4 }
.full { fill: var(--bar) }
.half { fill: var(--tick) }
.panels { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(19rem, 100%), 1fr)); gap: 1rem }
.panels figure, .finding { margin: 0; border: 1px solid var(--line); border-radius: 6px; padding: .7rem;
  background: var(--fill) }
.panels h3 { margin: 0 0 .3rem }
figcaption { font-size: .85rem }
.wide { margin: 0 0 1rem }
.wide svg { min-width: 44rem }
.brief li { max-width: 52rem; margin: .25rem 0 }
a { color: inherit; text-decoration-color: var(--soft); text-underline-offset: .2em }
.findings { display: grid; gap: .7rem }
.finding p { margin: .2rem 0; overflow-wrap: anywhere; max-width: none }
.finding .what { font-weight: 600 }
.soft { color: var(--soft); font-size: .9rem }
.scroll { overflow-x: auto }
table { border-collapse: collapse; font-size: .9rem }
th, td { border-bottom: 1px solid var(--line); padding: .25rem .6rem; text-align: left; vertical-align: top }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums }
caption { text-align: left; color: var(--soft) }
details { margin: .6rem 0 }
summary { cursor: pointer }
"""
_HEADINGS = {
    "convention": "Conventions",
    "group size": "Group sizes that are not printed",
    "difference": "Differences",
    "observation": "Observations",
    "agreement": "What agrees",
}
_METHOD = """<h2>Method</h2>
<p>The rank-sum statistic U moves in steps of one, or of a half with ties. For given group sizes each variant of the test
can therefore give only some P-values. Here all P-values are used together: the likelihood of the printed digits under a
variant, relative to digits that lie anywhere, is the number of attainable values that round to them over the number that
a lattice of this density has there; ties, unprinted group sizes and the share of P-values that the convention does not
explain are averaged over.</p>
<p>Testing one U or P against its lattice is GRIM-U (Heathers and Grimes 2025). Others test other statistics: GRIM (Brown
and Heathers 2017) means, SPRITE (Heathers and others 2018) and CORVIDS (Wilner, Wood and Simons 2018) means with
standard deviations, statcheck (Nuijten and others 2016) P-values of printed test statistics; scrutiny (Jung) and recalc
(Hussey) are R packages that gather such checks.</p>"""


def render(report: Report, heading: str) -> str:
    """Write the page; everything that comes from a table is escaped."""
    body = [
        f"<h1>{escape(heading)}</h1>",
        "<p>These are observations about printed numbers, made from the numbers alone. They say which "
        "conventions and group "
        "sizes fit, and where two numbers do not; they say nothing about how a number came to be. Where a harmless "
        "explanation is known, it stands with the finding.</p>",
    ]
    body += _brief(report)
    if report.inference:
        body += _variants(report)
        body += _panels(report)
        body += _abstract(report)
        body += _sizes(report)
    body += _findings(report)
    if report.inference:
        body += _all_p_values(report)
    body.append(_METHOD)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(heading)}</title><style>{_STYLE}</style></head><body><main>"
        + "\n".join(body)
        + "</main></body></html>\n"
    )


def _brief(report: Report) -> list[str]:
    """Say in a few lines what was found, with links to the findings."""
    shown = [f for f in report.findings if f.kind in ("convention", "group size")]
    lines = [f'<li><a href="#{escape(f.finding)}">{escape(f.what)}</a> ({escape(f.certainty)})</li>' for f in shown]
    for kind in ("difference", "observation", "agreement"):
        if count := sum(f.kind == kind for f in report.findings):
            lines.append(
                f'<li><a href="#{kind}">{count} {kind}{"s" if count > 1 else ""}</a>: {escape(KINDS[kind])}</li>'
            )
    return ["<h2>In brief</h2>", '<ul class="brief">' + "".join(lines) + "</ul>"] if lines else []


def _sizes(report: Report) -> list[str]:
    """A picture and a table of every solution for the numbers that are not printed."""
    by_pair = solutions(report)
    figures = "".join(
        f"<figure><h3>{escape(label(pair))}</h3>{picture.candidates(options)}<figcaption>"
        f"{options[0].total} P-value{'s' if options[0].total > 1 else ''}</figcaption><details><summary>"
        f"{len(options)} solutions</summary><table><thead><tr>"
        + "".join(f'<th class="n" scope="col">{name}</th>' for name in ("n", "n", "attainable", "probability"))
        + "</tr></thead><tbody>"
        + "".join(
            f'<tr><td class="n">{o.n_first}</td><td class="n">{o.n_second}</td><td class="n">{o.attainable}</td>'
            f'<td class="n">{escape(share(o.probability))}</td></tr>'
            for o in options
        )
        + "</tbody></table></details></figure>"
        for pair, options in by_pair.items()
    )
    return [
        "<h2>Group sizes that are not printed</h2>",
        "<p>Below each bar a pair of numbers that meets all printed sums, above it how many of the P-values are "
        "attainable there without ties. Dark: probable with all constraints together.</p>",
        f'<div class="panels">{figures}</div>',
    ] if by_pair else []  # fmt: skip


def _variants(report: Report) -> list[str]:
    inference = report.inference
    best = inference.best
    rows = "".join(
        f'<tr><th scope="row">{escape(VARIANTS[s.variant])}</th><td class="n">{s.attainable}</td>'
        f'<td class="n">{s.by_chance:.0f}</td><td class="n">{s.attainable_with_ties}</td>'
        f'<td class="n">{s.attainable_at_own_sizes}</td>'
        f'<td class="n">{s.miss_rate:.2f}</td>'
        f'<td class="n">{"" if s is best else _ratio(best.log_likelihood - s.log_likelihood)}</td></tr>'
        for s in inference.scores
    )
    return [
        "<h2>Which rank-sum test?</h2>",
        '<figure class="wide"><div class="scroll" tabindex="0" role="region" aria-label="All P-values by variant">'
        + picture.matrix(report.assessments) + f"</div><figcaption>Each column is one of "
            f"{best.total} printed "
        "P-values. A full bar: the variant can give its digits without ties; a short bar: with ties "
        "only. At the end of each row, the number of full bars.</figcaption></figure>",
        '<div class="scroll" tabindex="0" role="region" aria-label="Variants"><table>'
        '<caption>Attainable P-values by variant, at the group sizes of the most likely one'
        '</caption><thead><tr><th scope="col">Variant</th><th class="n" scope="col">attainable</th>'
        '<th class="n" scope="col">by chance</th><th class="n" scope="col">more with ties</th>'
        '<th class="n" scope="col">attainable at its own sizes</th>'
        '<th class="n" scope="col">share unexplained</th><th class="n" scope="col">less likely by</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div>",
    ]  # fmt: skip


def _ratio(log: float) -> str:
    power = log / math.log(10)
    return f"10<sup>{power:.0f}</sup>" if power >= 3 else f"{math.exp(log):.1f}"


def _panels(report: Report) -> list[str]:
    shown = [a for a in report.assessments if a.claim.highlight] or report.assessments[:6]
    figures = "".join(
        f"<figure><h3>{escape(a.claim.claim)}</h3>{picture.panel(a)}<figcaption>P = {escape(a.claim.p.text)}, "
        f"{a.n_first} and {a.n_second} participants{_u(a)}</figcaption></figure>"
        for a in shown
    )
    return [
        "<h2>Attainable P-values</h2>",
        "<p>The band holds the values that round to the printed P. Ticks are the P-values that a variant can "
        "give without ties; "
        "those in the band are tall. The inferred variant is in bold.</p>",
        f'<div class="panels">{figures}</div>',
    ]


def _u(a) -> str:
    return "; U = " + " or ".join(f"{u:g}" for u in a.u) if a.status == ATTAINABLE else f"; {a.status}"


def _abstract(report: Report) -> list[str]:
    if not report.abstract:
        return []
    head = "".join(f'<th class="n" scope="col">{escape(picture.SHORT[v])}</th>' for v in VARIANTS)
    rows = ""
    for row in report.abstract:
        cells = "".join(
            f'<td class="n">{"<strong>" if (row[v] < 0.05) != (float(row["printed"]) < 0.05) else ""}{row[v]:.4f}'
            f"{'</strong>*' if (row[v] < 0.05) != (float(row['printed']) < 0.05) else ''}</td>"
            for v in VARIANTS
        )
        rows += (
            f'<tr><th scope="row">{escape(row["claim"])}</th><td class="n">{escape(row["printed"])}</td>'
            f'<td class="n">{row["u"]:g}</td>{cells}</tr>'
        )
    return [
        "<h2>What hangs on the variant</h2>",
        '<div class="scroll" tabindex="0" role="region" aria-label="P under each variant"><table>'
        "<caption>P of the inferred U "
        "under each variant; starred where it falls on the other side of 0.05 than the printed P</caption><thead><tr>"
        f'<th scope="col">P-value of the abstract</th>'
        f'<th class="n" scope="col">printed</th><th class="n" scope="col">U</th>{head}'
        f"</tr></thead><tbody>{rows}</tbody></table></div>",
    ]


def _findings(report: Report) -> list[str]:
    parts = ["<h2>Findings</h2>"]
    for kind, group in groupby(report.findings, key=lambda finding: finding.kind):
        parts.append(
            f'<h3 id="{kind.replace(" ", "-")}">'
            f"{escape(_HEADINGS[kind])}</h3><p class='soft'>{escape(KINDS[kind])}</p><div class='findings'>"
        )
        for f in group:
            harmless = (
                f"<p><em>May be harmless:</em> {escape(f.harmless_explanation)}</p>" if f.harmless_explanation else ""
            )
            source = f"Where: {escape(f.where)}. Certainty: {escape(f.certainty)}."
            parts.append(
                f'<article class="finding" id="{escape(f.finding)}"><p class="what">{escape(f.what)}</p>'
                f'<p>{escape(f.how)}</p>{harmless}<p class="soft">{source}</p>'
                "</article>"
            )
        parts.append("</div>")
    return parts


def _all_p_values(report: Report) -> list[str]:
    rows = "".join(
        f'<tr><th scope="row">{escape(a.claim.claim)}</th><td>{escape(a.claim.where)}</td>'
        f'<td class="n">{escape(a.claim.p.text)}</td>'
        f'<td class="n">{a.n_first}</td><td class="n">{a.n_second}</td><td>{escape(a.status)}</td>'
        f"<td>{', '.join(f'{u:g}' for u in a.u) if len(a.u) <= 6 else f'{len(a.u)} values'}</td>"
        f'<td class="n">{a.chance:.2f}</td></tr>'
        for a in report.assessments
    )
    head = "".join(
        f'<th scope="col"{" class=n" if name in ("P", "n", "chance") else ""}>{name}</th>'
        for name in ("claim", "where", "P", "n", "n", "status", "U", "chance")
    )
    return [
        f"<h2>All P-values</h2><details><summary>{len(report.assessments)} P-values under the inferred "
        "variant</summary>"
        '<div class="scroll" tabindex="0" role="region" aria-label="All P-values"><table><thead><tr>'
        f"{head}</tr></thead><tbody>{rows}</tbody></table></div></details>"
    ]
