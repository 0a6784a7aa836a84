"""Check the internal consistency of the reported numbers of a paper: the test, the group sizes, and contradictions.

The input is reported P-values, group sizes, medians and quartiles; the output is findings. Nothing is specific to a paper.

The rank-sum statistic moves in whole or half steps, so that for given group sizes only some P-values are attainable.
Testing one U or P against its lattice is GRIM-U (Heathers and Grimes 2025); docs/consistency.md has more references. This
package uses all P-values of a paper together, and infers the variant of the test and the group sizes.
"""

from ..files import read_yaml_beside

WORDS = read_yaml_beside(__file__, "words")
VARIANTS: dict[str, str] = WORDS["variants"]
