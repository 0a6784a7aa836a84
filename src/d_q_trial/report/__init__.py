"""The pages that people read, made from finished tables, figures and verdicts.

``collect`` reads what earlier steps wrote; ``verdicts``, ``headlines``, ``explorer`` and ``pieces`` prepare what is shown;
``methods`` puts the settings into words; ``page`` and ``overview`` fill in the templates. Nothing here computes a statistic.
"""
