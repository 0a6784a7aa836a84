"""Internal consistency of the reported numbers of a paper: which test, which group sizes, and what does not agree.

Reported P-values, group sizes, medians and quartiles go in, findings come out. Nothing here knows a particular paper.

The rank-sum statistic moves in whole or half steps, so that for given group sizes only some P-values exist. Testing one
U or P against its lattice is GRIM-U (Heathers and Grimes 2025); docs/consistency.md has more references. Here all
P-values of a paper are used together, and the variant of the test and the group sizes are inferred.
"""

from ..files import read_yaml_beside

WORDS = read_yaml_beside(__file__, "words")
VARIANTS: dict[str, str] = WORDS["variants"]
