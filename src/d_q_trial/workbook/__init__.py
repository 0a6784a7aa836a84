"""The only place that knows sheets, headers and cells."""

from .reader import read_workbook

__all__ = ["read_workbook"]
