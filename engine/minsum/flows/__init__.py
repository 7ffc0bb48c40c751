"""Stage `flows`: raw files to one sorted, audited Parquet file per classification, year and reporter."""
