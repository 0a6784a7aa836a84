"""Results in; a verdict on each printed number out."""

from pathlib import Path

HELP = "hold every printed number against its recomputed value"


def add_arguments(parser):
    """Declare the arguments."""
    parser.add_argument("folder", help="an analysis' folder, with results.csv; claims.csv goes there too")
    parser.add_argument("--config", default="config.yaml", help="YAML or JSON file")
    parser.add_argument("--participants", required=True, help="folder with participants.json")


def run(arguments):
    """Read, judge, write."""
    from .. import claims, published, settings
    from ..files import read_csv, write_csv
    from ..participants import read_description
    from ..result_table import NUMERIC
    from ..trial import load_trial

    folder = Path(arguments.folder)
    chosen = settings.load(arguments.config)
    numbers, alternatives = (read_csv(folder / f"{name}.csv", numeric=NUMERIC) for name in ("results", "alternatives"))
    label = read_description(arguments.participants)["label"]
    verdicts = claims.judge(
        published.read_claims(chosen.published),
        numbers,
        alternatives,
        load_trial(chosen.trial),
        published.known_differences(chosen.published, synthetic=label is not None),
    )
    write_csv(verdicts, folder / "claims.csv", label=label)
