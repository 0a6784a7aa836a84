"""Open a workbook file safely; its sheets, cells and blocks of cells."""
