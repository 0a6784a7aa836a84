"""A synthetic cohort of this trial that agrees with its reported summaries and tests.

``design.py`` holds what is not reported and draws participants, ``constraints.py`` holds what is reported; ``search.py`` finds
values column by column by simulated annealing, ``cohort.py`` puts a cohort together, ``workbook.py`` writes it, and
``ensemble.py`` summarises many.
"""
