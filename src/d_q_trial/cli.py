"""Command line: ``python -m d_q_trial COMMAND``, one command per rule of the workflow.

A command reads, calls one function of the package and writes. Libraries are imported inside the commands, so that a step
pays for what it uses, and so that the workflow can derive which code a step depends on (``code_inputs.py``).
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property, partial
from operator import methodcaller
from pathlib import Path
from typing import TYPE_CHECKING

from . import __version__, files, step_log
from .errors import UserError, describe_unknown

if TYPE_CHECKING:
    import pandas as pd

    from .config.settings import Analysis, Settings
    from .participants import Participants
    from .robustness.multiverse import Counts
    from .trial import Trial

CONFIG_VARIABLE = "D_Q_TRIAL_CONFIG"  # the workflow sets it to its configuration file; see rules/common.smk


class Context:
    """The configuration, the analysis and the folders that a command works on; each part is read when first used."""

    def __init__(self, arguments: argparse.Namespace):
        self.arguments = arguments
        self.results = Path(getattr(arguments, "results", "results"))

    @cached_property
    def settings(self) -> Settings:
        """The configuration."""
        from .config import settings

        return settings.load(self.arguments.config or os.environ.get(CONFIG_VARIABLE, "config.yaml"))

    @cached_property
    def analysis(self) -> Analysis:
        """The analysis that ``--analysis`` names, or the reference."""
        name = self.arguments.analysis or self.settings.reference
        if faults := describe_unknown("--analysis", [name], self.settings.analyses):
            raise UserError(faults[0])
        return self.settings.analyses[name]

    @cached_property
    def trial(self) -> Trial:
        """The description of the trial."""
        from .trial import load_trial

        return load_trial(self.settings.trial)

    @property
    def published(self) -> str:
        """Folder of the reported values; UserError if the configuration names none."""
        if self.settings.published is None:
            raise UserError("published: the configuration names no folder of reported values")
        return self.settings.published

    @property
    def folder(self) -> Path:
        """Folder of the outputs of the analysis."""
        return self.results / self.analysis.name

    @property
    def participants_folder(self) -> Path:
        """Folder of the participants that the analysis reads."""
        return self.results / "workbooks" / self.analysis.workbook_id

    @cached_property
    def participants(self) -> Participants:
        """The participants that the analysis reads."""
        from .participants import read_participants

        return read_participants(self.participants_folder)

    @cached_property
    def label(self) -> str | None:
        """Label of the outputs if the participants are synthetic, else None."""
        return files.read_description(self.participants_folder)["label"]

    def write(self, folder: Path | None = None, **tables: pd.DataFrame) -> None:
        """Write tables as CSV; synthetic data are labelled."""
        for name, table in tables.items():
            files.write_csv(table, (folder or self.folder) / f"{name}.csv", label=self.label)


PARSER = argparse.ArgumentParser(
    prog="python -m d_q_trial", description="Recompute the statistics of a clinical trial from its workbook."
)
PARSER.add_argument("--version", action="version", version=__version__)
COMMANDS = PARSER.add_subparsers(dest="command", metavar="COMMAND", required=True)

argument = partial(methodcaller, "add_argument")  # argument(...)(parser) is parser.add_argument(...)

COMMON = (
    argument("--config", help="YAML or JSON file (default: config.yaml)"),
    argument("--analysis", help="name of the analysis (default: the reference)"),
    argument("--results", default="results", help="folder of all results (default: %(default)s)"),
)


def command(*arguments: methodcaller, common: bool = True):
    """Register a function as the subcommand of its name; its docstring is the help."""

    def register(function: Callable[[Context], int | None]) -> Callable[[Context], int | None]:
        subparser = COMMANDS.add_parser(function.__name__, help=function.__doc__, description=function.__doc__)
        for add in (*arguments, *(COMMON if common else ())):
            add(subparser)
        subparser.set_defaults(run=function)
        return function

    return register


@command()
def participants(context: Context) -> None:
    """Read the workbook of an analysis into one tidy table."""
    from .workbook.reader import read_workbook

    workbook, checksum = context.analysis.workbook, context.analysis.sha256
    if checksum:
        files.check_sha256(workbook, checksum)
    read_workbook(Path(workbook), context.trial, context.analysis.mapping).write(context.participants_folder)


@command(
    argument("workbook", help="the workbook"),
    argument("--trial", default="data/trial.yaml", help="the trial's description (default: %(default)s)"),
    argument("--mapping", help="mapping file to read by, instead of recognition"),
    argument("--write-mapping", metavar="FILE", help="mapping file to write (default: beside the workbook)"),
    argument("--html", metavar="FILE", help="write a page with the sheets drawn and the blocks coloured"),
    common=False,
)
def inspect(context: Context) -> int:
    """Describe what a workbook holds, and write a mapping file to complete."""
    from .trial import load_trial
    from .workbook.inspect import describe, render_html, render_mapping, render_text
    from .workbook.reader import examine_workbook

    arguments, source = context.arguments, Path(context.arguments.workbook)
    if not Path(arguments.trial).exists():
        raise UserError(f"--trial {arguments.trial}: no such file; name the trial's description with --trial")
    reading = examine_workbook(source, load_trial(arguments.trial), arguments.mapping)
    sections = describe(reading)
    print(render_text(sections), end="")
    if arguments.html:
        if Path(arguments.html).exists() and source.samefile(arguments.html):
            raise UserError(f"--html {arguments.html}: the workbook itself; name the page to write")
        files.write_text(render_html(sections, reading), arguments.html)
        print(f"\npage: {arguments.html}")
    if arguments.write_mapping or not arguments.mapping:
        target = Path(arguments.write_mapping or source.with_name(source.stem + ".mapping.yaml"))
        if not (is_kept := target.exists() and not target.is_dir()):
            files.write_text(render_mapping(reading), target)
        print(f"\nmapping: {target}{' exists and is kept; delete it to write a new one' if is_kept else ''}")
    return 1 if reading.faults.errors else 0


@command()
def results(context: Context) -> None:
    """Compute the changes, strata and all statistics of an analysis, and test the interaction of treatment with the strata."""
    from . import changes, comparisons, results
    from .export.tables import write_parquet
    from .robustness.interaction import interaction_table
    from .stats.two_sample import rank_sum_variants

    layout = comparisons.build_layout(context.participants, context.trial, context.analysis)
    # Reported numbers may follow another convention. Without them, the exact test of hundreds of participants is spared.
    also = rank_sum_variants() if context.settings.published else ()
    numbers, alternatives = results.build_results(context.participants, layout, also=also)
    context.write(changes=layout.changes, exclusions=changes.list_missing_changes(layout.changes), strata=layout.strata)
    context.write(alternatives=alternatives, results=numbers)
    write_parquet(numbers, context.folder / "export" / "results.parquet", context.label)
    context.write(context.folder / "sensitivity", interaction=interaction_table(layout, context.settings.robustness))


@command()
def sensitivity(context: Context) -> None:
    """Repeat the comparisons by other methods, adjust P-values for multiplicity, and compute power."""
    from .changes import build_changes, read_changes
    from .comparisons import Layout
    from .config.settings import Outliers
    from .published_tables import read_published_frame
    from .robustness import multiplicity, power, sensitivity
    from .strata import read_strata, select_marker_values

    # Read from files, not recomputed: digits beyond the twelfth depend on the processor and would affect a mixed model.
    # Changes before the outlier rule are in no file, so they are computed.
    trial, analysis = context.trial, context.analysis
    changes, strata = read_changes(context.folder / "changes.csv"), read_strata(context.folder / "strata.csv")
    layout = Layout(changes, strata, select_marker_values(context.participants, trial, analysis), trial, analysis)
    untrimmed = analysis.model_copy(update={"outliers": Outliers(rule="keep")})
    all_changes = changes if untrimmed == analysis else build_changes(context.participants, trial, untrimmed)
    settings, published = context.settings.robustness, context.settings.published
    suspects = read_published_frame(published, "suspect_values")
    planned = read_published_frame(published, "power", power.NUMERIC)
    context.write(
        context.folder / "sensitivity",
        sensitivity=sensitivity.sensitivity_table(layout, settings),
        leave_one_out=sensitivity.leave_one_out_table(layout),
        suspect_values=sensitivity.suspect_values_table(suspects, replace(layout, changes=all_changes), settings),
        power=power.power_table(planned, layout),
    )
    context.write(context.folder / "robustness", multiplicity=multiplicity.multiplicity_table(layout, settings))


@command()
def tables(context: Context) -> None:
    """Compare reported with recomputed values, and write the tables of an analysis and its results as CDISC ARS."""
    from . import claims
    from .export import ars, tables
    from .results_table import COLUMNS, NUMERIC, Numbers, read_results
    from .strata import read_strata
    from .tables import build, write

    trial, analysis, published = context.trial, context.analysis, context.settings.published
    if published:
        numbers, alternatives = (read_results(context.folder / f"{name}.csv") for name in ("results", "alternatives"))
        differences = claims.read_known_differences(published, synthetic=context.label is not None)
        reported, strata = claims.read_claims(published), read_strata(context.folder / "strata.csv")
        verdicts = claims.judge_claims(reported, numbers, alternatives, trial, differences, strata)
        context.write(claims=verdicts)
        tables.write_parquet(verdicts, context.folder / "export" / "claims.parquet", context.label)
    rows = files.read_rows(context.folder / "results.csv", COLUMNS, NUMERIC)
    entries = build.read_catalogue(context.settings.tables, trial)
    divided = {row["marker"] for row in files.read_rows(context.folder / "strata.csv", ["marker"])}
    built = build.build_tables(entries, trial, analysis, Numbers(rows), published, context.label, divided)
    write.write_tables(built, context.folder / "tables")
    ars.write_event(rows, trial, analysis, context.label, context.folder / "export" / "ars.json")


@command(
    argument("--only", nargs="+", default=[], metavar="FIGURE", help="draw only these figures"),
    argument("--twin", metavar="NAME", help="copy what this analysis of other strata shows of all participants"),
)
def figures(context: Context) -> None:
    """Draw the figures of an analysis."""
    from .config.settings import search_id
    from .figures import catalogue, render, study

    analysis, trial, published = context.analysis, context.trial, context.settings.published
    twin, analyses = context.arguments.twin or analysis.name, context.settings.analyses
    alike = (name for name in analyses if search_id(analyses[name]) == search_id(analysis))
    if faults := describe_unknown("--twin", [twin], alike):
        raise UserError(faults[0])
    data = study.read_study(context.folder, context.participants_folder, trial, analysis, published=published)
    entries = catalogue.read_catalogue(context.settings.figures, trial)
    twin_folder = context.results / twin / "figures" if twin != analysis.name else None
    render.draw_figures(data, entries, context.folder / "figures", only=context.arguments.only, twin=twin_folder)


@command(
    argument("claims", type=Path, nargs="?", help="CSV of P-values, or a folder (default: that of the configuration)"),
    argument("--output", type=Path, help="folder to write (default: consistency; without claims, that of the results)"),
)
def consistency(context: Context) -> None:
    """Check the internal consistency of reported P-values, group sizes, medians and quartiles."""
    from .consistency import outputs
    from .consistency.findings import replace_keys
    from .pages import page_links
    from .published_tables import check_names

    claims, heading, words = context.arguments.claims, "Internal consistency of the reported numbers", {}
    folder = Path("consistency") if claims else context.results / "consistency"
    if not claims:
        check_names(context.published, context.trial)
        words["plain"] = partial(replace_keys, trial=context.trial)
        words["links"] = page_links(context.settings, "../consistency/consistency.html")
    report, findings = outputs.check_paper(claims or context.published)
    heading += f": {report.reported.title}" if claims else ""
    outputs.write_check(report, findings, context.arguments.output or folder, heading, **words)


@command()
def cutoffs(context: Context) -> None:
    """Compare the arms at every cutoff of the markers, and correct the best cutoff for the search."""
    from . import changes, strata
    from .config.settings import search_id
    from .robustness import cutoffs

    participants, trial, analysis = context.participants, context.trial, context.analysis
    settings, report_progress = context.settings.robustness, step_log.report_tenths("best cutoffs", "permutations")
    built = changes.build_changes(participants, trial, analysis)
    markers = strata.select_marker_values(participants, trial, analysis)
    divided = cutoffs.divide_changes(built, markers, trial, analysis, settings)
    best, corrected = cutoffs.best_cuts(divided, trial, analysis, settings, report_progress)
    context.write(
        context.results / "every_cut" / search_id(analysis),
        cutoffs=cutoffs.cutoffs_table(divided, corrected),
        windows=cutoffs.windows_table(divided),
        best_cuts=best,
        best_splits=cutoffs.best_splits(divided, trial, settings),
    )


@command()
def robustness(context: Context) -> None:
    """Copy the tables of every cutoff into an analysis, select its own and the published cutoffs, and draw the figures."""
    from .comparisons import build_layout
    from .config.settings import search_id
    from .figures import catalogue, cutoffs
    from .robustness.analysis_cuts import select_analysis_cuts, select_published_cuts

    trial, analysis, label = context.trial, context.analysis, context.label
    shared, output = context.results / "every_cut" / search_id(analysis), context.folder / "robustness"
    every_cut, layout = cutoffs.read_table(shared / "cutoffs.csv"), build_layout(context.participants, trial, analysis)
    context.write(output, analysis_cuts=select_analysis_cuts(every_cut, layout))
    context.write(output, published_cuts=select_published_cuts(every_cut, context.participants, layout))
    cut_tables = cutoffs.CutTables.read(output, shared)
    for name in catalogue.CUTOFF_TABLES:
        files.copy_file(shared / f"{name}.csv", output / f"{name}.csv")
    description = cutoffs.describe_cutoffs(cut_tables, trial, analysis, context.settings.robustness, label=label)
    files.write_json(description, output / "robustness.json")
    for name in catalogue.list_cutoff_figures(trial):
        cutoffs.draw_cutoffs(cut_tables, trial, analysis, name, output, label)


def _count(text: str) -> int:
    """Return a whole number from 1."""
    if not (text.isdecimal() and int(text)):
        raise argparse.ArgumentTypeError(f"{text!r}: expected a whole number from 1")
    return int(text)


PERMUTATIONS = argument("--permutations", type=_count, help="a number from 1 (default: that of the configuration)")


@command(
    argument("output", help="file of counts, an .npz"),
    argument("--shard", type=int, default=1, help="part of the permutations, counted from 1"),
    argument("--shards", type=int, default=1, help="number of parts"),
    PERMUTATIONS,
)
def permute(context: Context) -> None:
    """Permute the treatment labels of the multiverse for one part of the permutations."""
    from .robustness.multiverse import write_counts

    arguments = context.arguments
    counts, _ = _count_permutations(context, shard=arguments.shard, shards=arguments.shards)
    write_counts(arguments.output, counts)


@command(
    argument("output", help="folder for the tables and the figure"),
    argument("counts", nargs="*", help="files of all parts of the permutations; without them, all are run here"),
    PERMUTATIONS,
)
def multiverse(context: Context) -> None:
    """Permute the treatment labels of the multiverse, or add up the parts, and draw the specification curve."""
    from .figures.specification_curve import describe_multiverse, draw_specification_curve
    from .robustness import multiverse

    trial, analysis, label, output = context.trial, context.analysis, context.label, Path(context.arguments.output)
    counts, reason = _count_permutations(context, context.arguments.counts)
    table, summary = multiverse.specification_table(counts), multiverse.summary_table(counts)
    context.write(output, specifications=table, multiverse=summary, choices_variance=multiverse.choices_variance(table))
    description = describe_multiverse(table, summary, trial, analysis, context.settings.robustness, reason)
    files.write_json(description | ({"data": label} if label else {}), output / "multiverse.json")
    band, curve = multiverse.permuted_band(counts), output / "specification_curve"
    draw_specification_curve(table, summary, band, trial, curve, alpha=analysis.alpha, label=label, reason=reason)


def _count_permutations(context: Context, parts: Sequence[str] = (), **shard: int) -> tuple[Counts | None, str]:
    """Permute the treatment labels, or add up the counts in the files of all parts; None and the reason if it is impossible."""
    from .robustness.multiverse import count_permutations, read_counts
    from .robustness.specifications import prepare_specifications

    settings, progress = context.settings.robustness, step_log.report_tenths("multiverse", "permutations")
    options = {"permutations": context.arguments.permutations or settings.permutations, "seed": settings.seed}
    specifications, reason = prepare_specifications(context.participants, context.trial, context.analysis, settings)
    if reason:
        return None, reason
    if parts:
        return read_counts(parts, specifications, **options), ""
    return count_permutations(specifications, **options, **shard, memory_mb=settings.memory_mb, progress=progress), ""


@command()
def compare(context: Context) -> None:
    """Compare all analyses of the configuration."""
    from . import claims, compare
    from .figures.compare import draw_comparison
    from .report.page import find_label, write_comparison
    from .results_table import read_results

    settings, trial, output = context.settings, context.trial, context.results / "compare"
    numbers = {name: read_results(context.results / name / "results.csv") for name in settings.analyses}
    with_claims = settings.analyses if settings.published else ()
    verdicts = {name: claims.read_verdicts(context.results / name / "claims.csv") for name in with_claims}
    label = find_label(context.results, settings)
    tests = compare.compare_tests(numbers, settings, trial)
    compared_claims = compare.compare_claims(verdicts, tests, settings, trial)
    summary = compare.summarize(tests, compared_claims, verdicts, settings, trial)
    compared = {"comparisons": tests, "claims": compared_claims, "summary": summary}
    for name, table in compared.items():
        files.write_csv(table, output / f"{name}.csv", label=label)
    rows = compare.rows_to_draw(tests, trial)
    draw_comparison(tests, *rows, trial, settings.reference, output / "comparison", label=label)
    write_comparison(compared, settings, trial, output, label)


@command(argument("--workflow", default="Snakefile", help="the Snakefile that made the outputs"))
def report(context: Context) -> None:
    """Write the report of a finished analysis, with its data package, RO-Crate and manifest."""
    from .export.crate import write_exports
    from .report.page import write_report

    workflow = Path(context.arguments.workflow)
    if not workflow.is_file():
        raise UserError(f"--workflow {workflow}: no such file")
    content = write_report(context.results, context.settings, context.trial, context.analysis.name)
    write_exports(content, workflow)


@command()
def overview(context: Context) -> None:
    """Write index.html, which leads to every page of the results."""
    from .report.page import write_overview

    write_overview(context.results, context.settings, context.trial)


@command(
    argument("folder", type=Path, nargs="?", default=Path("results/published"), help="default: %(default)s"),
    argument("--format", choices=["text", "json", "markdown"], default="text", help="default: %(default)s"),
    argument("--junit", metavar="FILE", type=Path, help="write a JUnit file with a test case for each reported value"),
    argument("--against", metavar="MANIFEST", type=Path, help="compare the outputs with those of another run instead"),
    common=False,
)
def verify(context: Context) -> int:
    """Exit with 0 if all is reproduced except known differences, 1 if a value is not, and 2 if it cannot judge."""
    from .export import verify

    arguments = context.arguments
    if arguments.against and (arguments.junit or arguments.format != "text"):
        raise UserError("--against compares outputs as text; --junit and --format go with a judgement of values")
    if not arguments.folder.is_dir():
        raise UserError(f"{arguments.folder}: no such folder; run `snakemake --cores 4` first")
    if arguments.against:
        return verify.report_differences(arguments.folder, arguments.against)
    judgement = verify.judge_folder(arguments.folder)
    if arguments.junit:
        files.write_text(verify.render_junit(arguments.folder, judgement), arguments.junit)
    print(verify.render_judgement(judgement, arguments.format))
    return verify.STATUS[judgement["verdict"]]


@command(
    argument("--output", default="cohort.xlsx", help="workbook to write (default: %(default)s)"),
    argument("--seed", type=int, help="seed of the cohort (default: that of the design)"),
    argument("--design", default="data/reconstruct/trial.yaml", help="the cohort's design (default: %(default)s)"),
)
def reconstruct(context: Context) -> None:
    """Make a synthetic cohort that agrees with every reported number."""
    from .reconstruct import cohort, design

    arguments = context.arguments
    assumptions = design.read_design(arguments.design, context.trial)
    seed = assumptions.seed if arguments.seed is None else arguments.seed
    if seed < 0:
        raise UserError(f"--seed {seed}: expected a whole number from 0")
    targets = design.read_targets(context.published, assumptions)
    report_progress = step_log.report_tenths(f"seed {seed}", "outcomes", sys.stdout)
    cohort.write_workbook(cohort.reconstruct(assumptions, targets, seed, progress=report_progress), arguments.output)


@command(
    argument("workbooks", nargs="+", help="workbooks of cohorts, as `reconstruct` writes them"),
    argument("--summary", required=True, help="table to write (.csv)"),
    argument("--page", required=True, help="page to write (.md), with a picture beside it (.png)"),
)
def ensemble(context: Context) -> None:
    """Summarise cohorts that agree with every reported number."""
    from . import claims
    from .reconstruct import ensemble

    arguments, settings, trial, analysis = context.arguments, context.settings, context.trial, context.analysis
    cohorts, label, report_progress = [], "", step_log.report_tenths("ensemble", "workbooks", sys.stdout)
    for number, workbook in enumerate(arguments.workbooks, start=1):
        numbers, label = ensemble.analyse_cohort(workbook, trial, analysis, settings.robustness)
        cohorts.append(numbers)
        report_progress(number, len(arguments.workbooks))
    summary = ensemble.summarize_cohorts(cohorts, claims.read_claims(context.published), analysis.alpha)
    picture = Path(arguments.page).with_suffix(".png")
    files.write_csv(summary, arguments.summary, label=label)
    ensemble.draw_summary(summary, trial, picture, alpha=analysis.alpha, label=label)
    files.write_text(ensemble.render_summary(summary, trial, analysis.alpha, label, picture.name), arguments.page)


def main(argv: list[str] | None = None) -> int:
    """Run one command; after a user's mistake, print one message and return status 1, or 2 if ``verify`` cannot judge."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # A console without a character shows a question mark; a full disk or a closed pipe is noticed below.
            stream.reconfigure(errors="replace", line_buffering=True)
    # As in the workflow: for matrices of this size, more threads of the linear algebra take time and save none.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    gc.set_threshold(1_000_000)  # collection takes a tenth of the time of figures, which have many parts
    texts = sys.argv[1:] if argv is None else argv
    if any(not text or (text[:2] == "--" and text[-1] == "=") for text in texts):  # of an unset variable of a script
        PARSER.error("an argument is empty")
    arguments = PARSER.parse_args(texts)
    failure = 2 if arguments.command == "verify" else 1
    try:
        status = arguments.run(Context(arguments)) or 0
        if CONFIG_VARIABLE in os.environ:  # standard error is the log of a step
            print(step_log.software_line(), file=sys.stderr)
        return status
    except (UserError, MemoryError) as error:
        message = str(error) or "out of memory"
    except OSError as error:
        message = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        if not error.filename:  # standard output is a closed pipe or a full disk; what it still holds is discarded
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            return failure
    except KeyboardInterrupt:
        message = "interrupted"
    print(f"d-q-trial {arguments.command}: {message}", file=sys.stderr)
    return failure
