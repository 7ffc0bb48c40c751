-- Rules about no total and no breakdown that removed more than was kept: value of other flows, rows without a value.
-- tables checks and removed: from the footers
WITH kept AS (
    SELECT classification, year, reporter, source, rows, usd
    FROM removed
    WHERE rule = 'kept'
)
SELECT
    concat_ws(' ', r.classification, r.year, r.reporter) AS place,
    concat(
        r.source, ': ', r.rows, ' rows, ', round(r.usd / 1e9, 3), ' bn USD, removed under ', r.rule, ', ',
        k.rows, ' rows, ', round(k.usd / 1e9, 3), ' bn USD, kept'
    ) AS found,
    'less removed than kept' AS expected
FROM removed AS r
JOIN kept AS k USING (classification, year, reporter, source)
WHERE (r.rule = 'flow' AND r.usd > k.usd) OR (r.rule = 'value' AND r.rows > k.rows)
ORDER BY r.classification, r.year, r.reporter, r.source, r.rule
