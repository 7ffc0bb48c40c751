"""Brings HS vintages together: one fixed chain of tables between adjacent vintages (docs/vintages.md)."""
