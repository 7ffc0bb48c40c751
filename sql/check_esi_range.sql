-- Similarities that cannot be: outside 0 to 1, null without a reason or with a reason but not null,
-- more products in common than either side has.
-- $files  esi files
SELECT
    concat_ws(' ', e.classification, e.year, e.reporter, e.reference) AS place,
    concat('esi ', e.esi, ', products ', e.n_reporter, ', ', e.n_reference, ', common ', e.n_common) AS found,
    'esi from 0 to 1, or null and a reason; common at most the fewer' AS expected
FROM (
    SELECT *, regexp_extract(filename, 'classification=(\w+)/\d+\.parquet$', 1) AS classification
    FROM read_parquet($files, hive_partitioning = false, filename = true)
) AS e
WHERE (e.esi NOT BETWEEN 0 AND 1 + 1e-9)
    OR (e.esi IS NULL) <> (e.reason IS NOT NULL)
    OR e.n_common > least(e.n_reporter, e.n_reference)
ORDER BY e.classification, e.year, e.reporter, e.reference
