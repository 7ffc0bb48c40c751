"""Input files: finds, identifies, unpacks and recognises them (`formats`), and records rejected files.

Knows what a file is, not how its rows are used.
"""
