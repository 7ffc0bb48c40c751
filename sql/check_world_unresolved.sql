-- Products above the World TOTAL of their flow, without partners to rebuild them from.
-- table repairs: one row for each partition and repair, from the footers
SELECT
    concat_ws(' ', classification, year, reporter) AS place,
    concat(rows, ' products above their TOTAL, ', round(usd / 1e9, 3), ' bn USD') AS found,
    'none' AS expected
FROM repairs
WHERE repair = 'world_unresolved'
ORDER BY classification, year, reporter
