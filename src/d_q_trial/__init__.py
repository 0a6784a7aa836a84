"""A reproducible reanalysis of the D+Q trial (NCT04313634)."""

__version__ = "0.2.0"
