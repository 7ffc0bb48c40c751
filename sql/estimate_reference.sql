-- Similarity of every reporter-year with one reference.
-- $esi        esi files of one classification
-- $reference  ISO3 label or composite name
SELECT reporter, year, esi
FROM read_parquet($esi)
WHERE reference = $reference
ORDER BY reporter, year
