"""Agreement of two methods and the statistics of a cohort; scipy and statsmodels compute, this room joins them."""
