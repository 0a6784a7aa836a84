"""Figures: drawn from finished numbers, for any trial that lists its panels in a YAML file.

``catalogue`` says which panels there are, ``study`` reads the numbers, ``panels`` brings the two together, ``draw`` and
``schematic`` put them on axes, ``words`` says what they show, ``style`` is what a page looks like, ``make`` writes the files.
"""
