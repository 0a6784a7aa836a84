"""Errors that are the user's to correct."""


class UserError(Exception):
    """A mistake in an input, shown to the user without a traceback.

    The command line prints the message alone, without a traceback, and exits with status 1.
    """


def did_you_mean(word: str, candidates) -> str:
    """Return ``"; did you mean 'x'?"`` for the candidate closest to ``word``, or an empty string.

    Candidates with the same numbers come first: ``2 weeks`` is ``week_2`` rather than ``week_4``.
    """
    import difflib
    import re

    candidates = list(candidates)
    same = [name for name in candidates if re.findall(r"\d+", name) == re.findall(r"\d+", word)]
    match = difflib.get_close_matches(word, same, 1) or difflib.get_close_matches(word, candidates, 1)
    return f"; did you mean {match[0]!r}?" if match else ""


def describe_unknown(place: str, names, known) -> list[str]:
    """Describe the names that are not known, each with the place and the nearest known one; ``all`` always is."""
    known = list(known)
    return [
        f"{place}: {name!r} is not one of {', '.join(known)}{did_you_mean(name, known)}"
        for name in ([] if names == "all" else names)
        if name not in known
    ]
