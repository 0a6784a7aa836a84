"""What goes wrong on the user's side, said in one clear message."""


class UserError(Exception):
    """A mistake in an input, told as the user should read it.

    The command line prints the message alone, without a traceback, and exits with status 1.
    """


def nearest(word: str, candidates) -> str:
    """Return ``"; did you mean 'x'?"`` for the candidate closest to ``word``, or an empty string."""
    import difflib

    match = difflib.get_close_matches(word, list(candidates), n=1, cutoff=0.6)
    return f"; did you mean {match[0]!r}?" if match else ""
