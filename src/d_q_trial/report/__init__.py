"""The HTML pages, made from finished tables, figures and verdicts. Nothing here computes a statistic.

``collect`` reads the outputs of earlier steps; ``headlines`` and ``pieces`` prepare what ``page`` fills into templates.
"""
