"""Columns and words of the one table of results, for everybody who reads it; light, without the libraries that fill it."""

COLUMNS = (
    "outcome",
    "measure",
    "visit",
    "marker",
    "stratum",
    "contrast",
    "group",
    "statistic",
    "value",
    "n_first",
    "n_second",
    "method",
    "reason",
)
NUMERIC = ("value", "n_first", "n_second")
KEYS = COLUMNS[:8]

EVERYBODY = "all"
BOTH_ARMS = "both arms"
