"""Figures: drawn from finished numbers, for any trial that lists its panels in a YAML file.

``catalogue`` lists the panels, ``study`` reads the numbers, ``panels`` combines the two, ``elements`` draws the parts of
panels, ``diagrams`` the figures without panels, ``texts`` fills in texts, ``style`` defines the look of a page, and
``render`` writes the files. ``cutoffs``, ``specification_curve`` and ``compare`` draw the figures that are not in the list.
"""
