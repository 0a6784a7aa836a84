"""What the printed numbers of a paper say about themselves.

Claims in (printed P-values, group sizes, medians, quartiles), findings out. Nothing here knows a particular paper.

The rank-sum statistic moves in whole or half steps, so that for given group sizes only some P-values exist. Testing one
U or P against its lattice is GRIM-U (Heathers and Grimes 2025); GRIM, statcheck, SPRITE, CORVIDS, scrutiny and recalc
do the like for other statistics (docs/consistency.md has the references). Here all P-values of a paper are used together, and the variant of the test and the group sizes
are what is inferred.
"""
