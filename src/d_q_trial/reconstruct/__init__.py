"""A synthetic cohort of this trial that agrees with its reported summaries and tests.

``design.py`` holds what is not reported, ``constraints.py`` what is; ``enrolment.py`` draws participants, ``search.py`` finds
their values column by column by simulated annealing, ``cohort.py`` puts a cohort together and ``workbook.py`` writes it.
"""
