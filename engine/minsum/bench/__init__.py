"""`minsum bench`: the engine's standard work on this machine, as one record; benchmarks/ records in the same form."""
