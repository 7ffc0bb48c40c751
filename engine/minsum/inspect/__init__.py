"""What a workspace holds: `status`, what is stale, `check`, and the user's SQL.

Reads published files, and asks each stage for its plan; computes no result and writes no file.
"""
