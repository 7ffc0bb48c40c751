-- Pairs that occur more than once.
-- $files  esi files
SELECT
    concat_ws(' ', classification, year, reporter, reference) AS place,
    concat(count(*), ' rows') AS found,
    'one' AS expected
FROM (
    SELECT *, regexp_extract(filename, 'classification=(\w+)/\d+\.parquet$', 1) AS classification
    FROM read_parquet($files, hive_partitioning = false, filename = true)
)
GROUP BY classification, year, reporter, reporter_code, reference, reference_code
HAVING count(*) > 1
ORDER BY place
