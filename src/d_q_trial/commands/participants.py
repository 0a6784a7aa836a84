"""Workbook in, one tidy table of participants out."""

HELP = "read a workbook into one tidy table of participants"


def add_arguments(parser):
    """Declare the arguments."""
    parser.add_argument("workbook", help="the .xlsx file, or its address (http or https)")
    parser.add_argument("folder", help="where participants.csv and participants.json go")
    parser.add_argument("--trial", required=True, help="the trial's description (YAML)")
    parser.add_argument("--mapping", help="which column is what (YAML); see `inspect`")


def run(arguments):
    """Read, then write."""
    from ..fetch import workbook_file
    from ..trial import load_trial
    from ..workbook import read_workbook

    trial = load_trial(arguments.trial)
    read_workbook(workbook_file(arguments.workbook), trial, arguments.mapping).write(arguments.folder)
