"""Build and write tables of finished numbers, for any trial that lists its tables in a YAML file.

``catalogue`` lists the tables, ``build`` looks up their numbers, ``write`` writes CSV, HTML and the workbook.
"""
