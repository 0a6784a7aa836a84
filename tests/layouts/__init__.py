"""One cohort, written in many layouts."""
