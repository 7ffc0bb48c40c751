"""Stage `fetch`: downloads bulk files from UN Comtrade into `raw/`.

Knows the service and the names of its files, not their rows.
"""
