"""Countries: Comtrade's codes, labels, the names of other publishers, groups, and suggestions for a label that is not known.

Knows nothing of files, settings or stages.
"""
