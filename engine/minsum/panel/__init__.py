"""Stage `panel`: similarity, import shares and covariates (`covariates`) of the sample, one row per country and year.

Knows no other stage; reads what they published.
"""
