"""Converts flows of several HS vintages to one target vintage, along a chain of tables between adjacent vintages.

The method is described in docs/vintages.md. Knows countries and the workspace, no stage.
"""
