"""Settings: the sections of minsum.toml and of spec files, read, checked and explained.

Knows no stage; a section is one class, and that object is what its stage takes.
"""
