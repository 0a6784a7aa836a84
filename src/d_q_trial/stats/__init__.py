"""Statistics as pure functions on arrays: no file, no setting, no formatting."""
