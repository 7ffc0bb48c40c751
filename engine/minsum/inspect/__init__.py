"""What a workspace holds: `status`, what is stale, `check`, and the user's SQL.

Reads what stages published and asks them what they would do; computes and changes nothing.
"""
