"""Stage `panel`: joins similarities, import shares and covariates (`covariates`), one row per country and year.

Imports no other stage; reads their published files.
"""
