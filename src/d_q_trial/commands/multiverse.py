"""Participants and the counts of all shards in; the inference on the multiverse and its picture out."""

from pathlib import Path

HELP = "add up the permutations of a multiverse, and draw its specification curve"


def add_arguments(parser):
    """Declare the arguments."""
    parser.add_argument("participants", help="folder with participants.csv")
    parser.add_argument("output", help="where tables and picture go")
    parser.add_argument("counts", nargs="+", help="files of all shards")
    parser.add_argument("--config", default="config.yaml", help="YAML or JSON file")
    parser.add_argument("--analysis", default="published")


def run(arguments):
    """Read, add up, write, draw."""
    from .. import settings
    from ..figures.specification_curve import draw_specification_curve
    from ..files import write_csv, write_json
    from ..participants import read_participants
    from ..robustness import multiverse, multiverse_words, shards
    from ..trial import load_trial

    chosen = settings.load(arguments.config)
    analysis, trial = settings.analysis_named(chosen, arguments.analysis), load_trial(chosen.trial)
    people, output = read_participants(arguments.participants), Path(arguments.output)
    prepared = multiverse.prepare(people, trial, analysis, chosen.robustness)
    counts = None
    if prepared.specifications is not None:
        counts = shards.read_and_add_up(arguments.counts)
    table = multiverse.specification_table(prepared, counts, analysis)
    summary = multiverse.summary_table(prepared, counts)
    words = multiverse_words.describe(table, summary, trial, analysis, chosen.robustness, prepared.reason)
    write_csv(table, output / "specifications.csv", label=people.label)
    write_csv(summary, output / "multiverse.csv", label=people.label)
    write_json(words | ({"data": people.label} if people.label else {}), output / "multiverse.json")
    draw_specification_curve(
        table,
        summary,
        multiverse.permuted_band(counts),
        trial,
        output / "specification_curve",
        alpha=analysis.alpha,
        label=people.label,
        reason=prepared.reason,
    )
