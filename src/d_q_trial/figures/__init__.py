"""Figures: drawn from finished numbers, for any trial that lists its panels in a YAML file.

``catalogue`` lists the panels, ``study`` reads the numbers, ``panels`` combines the two, ``draw`` and ``whole``
draw on axes, ``words`` describes what they show, ``style`` defines the look of a page, and ``make`` writes the files.
"""
