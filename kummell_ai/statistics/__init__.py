"""Agreement of two methods and the statistics of a cohort.

scipy and statsmodels compute, this room joins them; one fit is its own (docs/decisions/0012).
"""
