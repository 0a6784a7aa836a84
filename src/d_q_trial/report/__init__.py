"""The report: one page that people read, made from finished tables, figures and claims.

``gather`` reads what earlier steps wrote, ``claims`` and ``cutoffs`` prepare its tables, ``methods`` puts the
conventions into words, ``page`` renders the templates. Nothing here computes a statistic.
"""
