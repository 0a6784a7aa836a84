"""Say what a workbook holds, and write a mapping file to complete."""

HELP = "say what a workbook holds, and write a mapping file to complete"


def add_arguments(parser):
    """Declare the arguments."""
    parser.add_argument("workbook", help="the .xlsx file, or its address (http or https)")
    parser.add_argument("--trial", default="data/trial.yaml", help="the trial's description (default: %(default)s)")
    parser.add_argument("--mapping", help="read by this mapping file instead of recognising")
    parser.add_argument("--write-mapping", metavar="FILE", help="where the mapping goes (default: beside the workbook)")
    parser.add_argument("--html", metavar="FILE", help="write a page with the sheets drawn and the blocks coloured")
    parser.add_argument("--force", action="store_true", help="replace a mapping file that exists")


def run(arguments):
    """Read, print, write."""
    from pathlib import Path

    from ..fetch import workbook_file
    from ..files import write_text
    from ..trial import load_trial
    from ..workbook import describe, page, reader, write_mapping

    trial = load_trial(arguments.trial)
    source = workbook_file(arguments.workbook)
    reading = reader.look(source, trial, arguments.mapping)
    findings = describe.describe(reading, trial)
    print(describe.as_text(findings, reading), end="")
    if arguments.html:
        write_text(page.page(findings, reading, trial), arguments.html)
        print(f"\npage: {arguments.html}")
    if arguments.mapping and not arguments.write_mapping:
        return 0
    target = Path(arguments.write_mapping or source.with_name(source.stem + ".mapping.yaml"))
    if target.exists() and not arguments.force:
        print(f"\nmapping: {target} exists and is kept; --force replaces it")
        return 0
    write_text(write_mapping.mapping_text(reading, trial), target)
    print(f"\nmapping: {target}")
    return 0
