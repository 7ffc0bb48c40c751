"""Panel estimators and tests of our own, in Stata's conventions, with results named as in linearmodels.

Depends on pandas and NumPy only: no workspace, no settings.
"""
