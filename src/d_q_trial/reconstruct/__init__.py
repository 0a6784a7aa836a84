"""A synthetic cohort that agrees with reported summaries and tests.

``design.py`` holds what is not reported, ``targets.py`` what is; ``enrolment.py`` draws participants, ``search.py`` finds their
values column by column by simulated annealing, ``cohort.py`` puts a cohort together and ``workbook.py`` writes it.
"""
