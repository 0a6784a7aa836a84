"""Open a workbook safely, and hold its cells."""
