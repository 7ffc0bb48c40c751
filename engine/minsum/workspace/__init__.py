"""A workspace on disk: paths, publishing, locking, footers, checksums, marks and the record of runs.

Knows nothing of what a stage computes.
"""
