"""Propose a mapping for every table of a workbook, and read the participants through it."""
