"""Participants in; counts over one shard of the permutations of a multiverse out."""

HELP = "permute the arm labels of all specifications of the multiverse together"


def add_arguments(parser):
    """Declare the arguments."""
    parser.add_argument("participants", help="folder with participants.csv")
    parser.add_argument("output", help="file of counts, an .npz")
    parser.add_argument("--config", default="config.yaml", help="YAML or JSON file")
    parser.add_argument("--analysis", default="published")
    parser.add_argument("--permutations", type=int, help="instead of those of the configuration")
    parser.add_argument("--shard", type=int, default=1, help="which part of the permutations, from 1")
    parser.add_argument("--shards", type=int, default=1, help="how many parts there are")
    parser.add_argument("--memory-mb", type=int, help="instead of that of the configuration")


def run(arguments):
    """Read, permute, write."""
    from .. import settings
    from ..errors import UserError
    from ..participants import read_participants
    from ..progress import permutations
    from ..robustness.multiverse import prepare
    from ..robustness.shards import count, write_nothing
    from ..trial import load_trial

    chosen = settings.load(arguments.config)
    analysis, robustness = settings.analysis_named(chosen, arguments.analysis), chosen.robustness
    prepared = prepare(read_participants(arguments.participants), load_trial(chosen.trial), analysis, robustness)
    if prepared.specifications is None:
        return write_nothing(arguments.output)
    try:
        counts = count(
            prepared.specifications,
            prepared.families,
            critical=prepared.critical,
            permutations=arguments.permutations or robustness.permutations,
            seed=robustness.seed,
            shard=arguments.shard,
            shards=arguments.shards,
            memory_mb=arguments.memory_mb or robustness.memory_mb,
            progress=permutations("multiverse"),
        )
    except ValueError as error:
        raise UserError(f"robustness.{error}") from None
    return counts.write(arguments.output)
