"""Build and write tables of finished numbers, for any trial that lists its tables in a YAML file.

``build`` reads the list and looks up the numbers, ``write`` writes CSV, HTML and the workbook.
"""
