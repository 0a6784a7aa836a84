"""Errors that the user can correct."""


class UserError(Exception):
    """A mistake in an input; the command line prints the message without a traceback and exits with status 1."""


def did_you_mean(word: str, candidates) -> str:
    """Return ``"; did you mean 'x'?"`` for the candidate closest to ``word``, or an empty string.

    Candidates with the same numbers take precedence: ``2 weeks`` is closer to ``week_2`` than to ``week_4``.
    """
    import difflib
    import re

    same_numbers = [name for name in candidates if re.findall(r"\d+", name) == re.findall(r"\d+", word)]
    matches = difflib.get_close_matches(word, same_numbers, 1) or difflib.get_close_matches(word, candidates, 1)
    return f"; did you mean {matches[0]!r}?" if matches else ""


def describe_unknown(place: str, names, valid_names) -> list[str]:
    """Describe each invalid name with its place and the closest valid one; ``names`` may be ``"all"``, which is valid."""
    valid_names = dict.fromkeys(valid_names)
    return [
        f"{place}: {name!r} is not one of {', '.join(valid_names)}{did_you_mean(name, valid_names)}"
        for name in ([] if names == "all" else names)
        if name not in valid_names
    ]
