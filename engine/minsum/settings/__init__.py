"""Settings: the sections of minsum.toml and of spec files, read, checked and explained.

Knows no stage; stages take what a section says.
"""
