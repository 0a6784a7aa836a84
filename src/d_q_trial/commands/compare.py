"""Results and claims of all analyses in; what differs between them out, as tables and a picture."""

from pathlib import Path

HELP = "lay all analyses side by side"


def add_arguments(parser):
    """Declare the arguments."""
    parser.add_argument("results", help="folder with a folder for each analysis")
    parser.add_argument("output", help="where the comparison goes")
    parser.add_argument("--config", default="config.yaml", help="YAML or JSON file")


def run(arguments):
    """Read, compare, write, draw."""
    from .. import claims, compare, settings
    from ..figures.compare import draw_comparison
    from ..files import read_csv, write_csv
    from ..participants import read_description
    from ..result_table import NUMERIC
    from ..trial import load_trial

    chosen = settings.load(arguments.config)
    trial, root, output = load_trial(chosen.trial), Path(arguments.results), Path(arguments.output)
    numbers = {name: read_csv(root / name / "results.csv", numeric=NUMERIC) for name in chosen.analyses}
    verdicts = {}
    if chosen.published:
        verdicts = {name: claims.read_verdicts(root / name / "claims.csv") for name in chosen.analyses}
    folders = dict.fromkeys(root / "workbooks" / entry.workbook_id for entry in chosen.analyses.values())
    labels = dict.fromkeys(read_description(folder)["label"] for folder in folders)
    label = "; ".join(filter(None, labels)) or None
    tests = compare.compare_tests(numbers, chosen, trial)
    held = compare.compare_claims(verdicts, tests, chosen, trial)
    write_csv(tests, output / "comparisons.csv", label=label)
    write_csv(held, output / "claims.csv", label=label)
    write_csv(compare.summarize(tests, held, verdicts, chosen), output / "summary.csv", label=label)
    draw_comparison(
        tests,
        *compare.rows_to_draw(tests, trial),
        trial,
        chosen.reference,
        output / "comparison",
        label=label,
    )
