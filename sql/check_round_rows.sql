-- Downloads of exactly as many rows as Comtrade gives at most: what comes after may be missing.
-- $cut_off_rows  these numbers
-- table removed: from the footers
SELECT DISTINCT
    source AS place,
    concat('exactly ', source_rows, ' rows, where Comtrade cuts downloads off') AS found,
    'all rows of the query' AS expected
FROM removed
WHERE NOT is_complete AND list_contains($cut_off_rows, source_rows)
ORDER BY source
