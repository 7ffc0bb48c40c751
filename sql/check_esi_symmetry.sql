-- Pairs of countries whose similarity depends on who comes first.
-- $files  esi files
WITH pairs AS (
    SELECT classification, year, reporter, reference, reporter_code, reference_code, esi
    FROM (
        SELECT *, regexp_extract(filename, 'classification=(\w+)/\d+\.parquet$', 1) AS classification
        FROM read_parquet($files, hive_partitioning = false, filename = true)
    )
    WHERE reference_code IS NOT NULL
)
SELECT
    concat_ws(' ', a.classification, a.year, a.reporter, a.reference) AS place,
    concat(a.esi, ' and ', b.esi) AS found,
    'the same both ways' AS expected
FROM pairs AS a
JOIN pairs AS b
    ON a.classification = b.classification AND a.year = b.year
    AND a.reporter_code = b.reference_code AND a.reference_code = b.reporter_code
WHERE a.reporter_code < a.reference_code AND a.esi IS DISTINCT FROM b.esi
ORDER BY a.classification, a.year, a.reporter, a.reference
