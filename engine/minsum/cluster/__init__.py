"""The tasks of flows and esi on a Dask cluster: the same functions as in threads, the same bytes.

A task reads and publishes by itself and may be done twice. What a run decides for all of its tasks (which sources, in
which order, what is rejected, the record) stays with its driver, as does the lock. No state outlives a lost scheduler:
the next run, with or without a cluster, does what is left.
"""
