"""Stage `esi`: similarity of every country with every other and with the composite references."""
