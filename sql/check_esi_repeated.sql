-- Pairs that occur more than once.
-- $files  esi files
SELECT
    concat_ws(' ', classification, year, reporter, reference) AS place,
    concat(count(*), ' rows') AS found,
    'one' AS expected
FROM read_parquet($files, hive_partitioning = true)
GROUP BY classification, year, reporter, reporter_code, reference, reference_code
HAVING count(*) > 1
ORDER BY place
