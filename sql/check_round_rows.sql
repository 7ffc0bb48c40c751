-- Downloads of exactly as many rows as Comtrade gives at most: what comes after may be missing.
-- table removed: from the footers
SELECT DISTINCT
    source AS place,
    concat('exactly ', source_rows, ' rows, where Comtrade cuts downloads off') AS found,
    'all rows of the query' AS expected
FROM removed
WHERE NOT is_complete AND source_rows IN (500, 100000, 250000)
ORDER BY source
