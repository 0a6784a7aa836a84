"""A synthetic cohort of this trial that agrees with its reported summaries and tests.

``design.py`` reads the assumptions and draws the participants; ``constraints.py`` reads the reported values;
``search.py`` finds the values of a column by simulated annealing; ``cohort.py`` builds a cohort column by column;
``workbook.py`` writes it; ``ensemble.py`` summarises many cohorts.
"""
