"""Tables: set from finished numbers, for any trial that lists its tables in a YAML file.

``catalogue`` says which tables there are, ``build`` looks their numbers up, ``write`` makes CSV, HTML and the workbook.
"""
