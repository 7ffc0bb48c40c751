"""A workspace on disk: where things are, how they are published and locked, their footers, checksums and marks, the record of runs.

Knows nothing of what a stage computes.
"""
