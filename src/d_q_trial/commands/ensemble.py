"""Synthetic cohorts in; the spread of what is printed nowhere out."""

from pathlib import Path

HELP = "show what cohorts that agree with everything printed say where nothing is printed"


def add_arguments(parser):
    """Declare the arguments."""
    parser.add_argument("folder", help="folder of workbooks, as `reconstruct --seeds` writes them")
    parser.add_argument("--summary", help="where the table goes (.csv)")
    parser.add_argument("--page", help="where the page goes (.md), with a picture beside it (.png)")
    parser.add_argument("--config", default="config.yaml", help="YAML or JSON file")
    parser.add_argument("--analysis", default="published")
    parser.add_argument("--plan", default="data/reconstruct/trial.yaml", help="the plan that the cohorts were made by")


def run(arguments):
    """Read, compute, write."""
    from .. import settings
    from ..errors import UserError
    from ..files import write_csv, write_text
    from ..reconstruct import progress
    from ..reconstruct.ensemble import as_ranges, cohort_name, seeds_of
    from ..reconstruct.page import page_text
    from ..reconstruct.picture import draw_spread
    from ..reconstruct.plan import read_plan
    from ..reconstruct.printed import read_printed
    from ..reconstruct.spread import numbers_of, summarise
    from ..trial import load_trial

    if not (arguments.summary or arguments.page):
        raise UserError("--summary or --page is missing")
    seeds = seeds_of(arguments.folder)
    if len(seeds) < 2:
        raise UserError(f"{arguments.folder}: {len(seeds)} workbooks (cohort_0001.xlsx ...), expected two or more")
    chosen = settings.load(arguments.config)
    analysis, trial = settings.analysis_named(chosen, arguments.analysis), load_trial(chosen.trial)
    printed = read_printed(chosen.published, read_plan(arguments.plan))
    cohorts, label = [], ""
    with progress.bar("ensemble", "workbooks") as step:
        for number, seed in enumerate(seeds):
            step(number, len(seeds), f"seed {seed}")
            workbook = Path(arguments.folder) / cohort_name(seed)
            numbers, label = numbers_of(workbook, trial, analysis, chosen.robustness)
            cohorts.append(numbers)
        step(len(seeds), len(seeds), "done")
    summary = summarise(cohorts, printed, analysis.alpha)
    if arguments.summary:
        write_csv(summary, arguments.summary, label=label)
    if arguments.page:
        picture = Path(arguments.page).with_suffix(".png")
        draw_spread(summary, trial, picture, alpha=analysis.alpha, label=label)
        write_text(page_text(summary, trial, analysis.alpha, label, as_ranges(seeds), picture.name), arguments.page)
