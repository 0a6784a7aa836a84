"""The pages that people read, made from finished tables, figures and verdicts. Nothing here computes a statistic.

``collect`` reads what earlier steps wrote; ``headlines`` and ``pieces`` prepare what is shown; ``methods`` gives the
words of the methods section; ``page`` fills in the templates.
"""
