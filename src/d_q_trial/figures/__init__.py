"""Figures: drawn from finished numbers, for any trial that lists its panels in a YAML file.

``catalogue`` lists the panels, ``study`` reads the numbers, ``panels`` combines the two, ``draw`` draws the elements of
panels, ``whole`` the figures without panels, ``words`` renders texts, ``style`` defines the look of a page, and ``make``
writes the files. ``cutoffs``, ``specification_curve`` and ``compare`` draw the figures that are not in the list.
"""
