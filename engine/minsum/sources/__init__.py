"""Files as users have them: found, identified, unpacked, recognised (`formats`), and the record of those that were refused.

Knows what a file is, not what becomes of its rows.
"""
