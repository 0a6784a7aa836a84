"""A synthetic cohort that agrees with printed summaries and tests.

The core (``constraints``, ``search``, ``shapes``) knows constraints and values only; what belongs to a trial is data.
"""
