"""Figures: drawn from finished numbers, for any trial that lists its panels in a YAML file.

``catalogue`` lists the panels, ``study`` reads the numbers, ``panels`` combines the two, ``diagrams`` draws the figures
without panels, ``style`` defines the look of a page and fills in its texts, and ``render`` writes the files. ``cutoffs``,
``specification_curve`` and ``compare`` draw the figures that are not in the list.
"""
