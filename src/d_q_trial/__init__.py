"""A reproducible reanalysis of the D+Q trial (NCT04313634)."""

__version__ = "0.1.0"
