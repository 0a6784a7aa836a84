"""Verdicts in; an exit status out."""

from pathlib import Path

HELP = "turn the claims of an analysis into an exit status, or compare its outputs with a manifest"


def add_arguments(parser):
    """Declare the arguments."""
    parser.add_argument("folder", help="an analysis' folder, such as results/published")
    parser.add_argument("--against", metavar="MANIFEST", help="compare the outputs with those of another run instead")


def run(arguments):
    """Print the tally and every surprise; status 1 if there is one."""
    from ..errors import UserError

    folder = Path(arguments.folder)
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; run `snakemake --cores 4` first")
    if arguments.against:
        from ..export import manifest

        return manifest.report_differences(folder, Path(arguments.against))

    from .. import claims

    path = folder / "claims.csv"
    if not path.exists():
        raise UserError(f"{path}: not there; run `snakemake --cores 4` first")
    verdicts = claims.read_verdicts(path)
    print(f"{folder}: {claims.tally(verdicts)}")
    surprises = claims.surprises(verdicts)
    for row in surprises.itertuples():
        if row.verdict in claims.FAILURES:
            print(f"  {row.verdict}: {row.claim}: printed {row.printed}, recomputed {row.reproduced}")
        else:
            print(f"  listed as a known difference, but {row.verdict}: {row.claim}: printed {row.printed}")
    return 1 if len(surprises) else 0
