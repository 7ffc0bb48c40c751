"""Panel estimators and tests of our own, in the conventions of Stata and with results like those of linearmodels.

Know pandas and NumPy only: no workspace, no settings.
"""
