"""The only code that knows sheets, headers and cells."""
