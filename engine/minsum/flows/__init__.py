"""Stage `flows`: raw files to one sorted, audited Parquet file per classification, year and reporter.

Begins with a source (`sources`) and ends with the lake. Knows nothing of similarity.
"""
