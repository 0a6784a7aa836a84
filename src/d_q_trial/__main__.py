"""Command line: ``python -m d_q_trial COMMAND``, one command per rule of the workflow."""

from __future__ import annotations

import argparse
import importlib
import os
import pkgutil
import sys

from . import __version__, commands
from .errors import UserError


def build_parser() -> argparse.ArgumentParser:
    """Collect the subcommands; none of them imports a heavy library before it runs."""
    parser = argparse.ArgumentParser(prog="python -m d_q_trial", description=__doc__.splitlines()[0])
    parser.add_argument("--version", action="version", version=__version__)
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for _, name, _ in pkgutil.iter_modules(commands.__path__):
        module = importlib.import_module(f"{commands.__name__}.{name}")
        subparser = subparsers.add_parser(name, help=module.HELP, description=module.HELP)
        module.add_arguments(subparser)
        subparser.set_defaults(run=module.run)
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run one command; a user's mistake ends in one message and status 1."""
    arguments = build_parser().parse_args(argv)
    try:
        return arguments.run(arguments) or 0
    except UserError as error:
        message = str(error)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        message = f"{error.filename}: {error.strerror}" if error.filename else str(error)
    print(f"d-q-trial {arguments.command}: {message}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
