"""A synthetic cohort of this trial that agrees with its reported summaries and tests."""
