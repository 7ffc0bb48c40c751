"""Stage `esi`: similarity of every country with every other and with the composite references.

Reads the lake; knows nothing of raw files, panels or estimates.
"""
