"""Countries: Comtrade's codes and labels, other publishers' names, groups of countries, and suggestions for misspelt labels.

Knows nothing of files, settings or stages.
"""
