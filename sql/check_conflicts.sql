-- Rows that occur with unequal values, where what is lost by keeping the largest is not small.
-- $conflict_share  allowed loss in relation to the World trade of all flows
-- tables checks and repairs: from the footers
SELECT
    concat_ws(' ', r.classification, r.year, r.reporter) AS place,
    concat(r.rows, ' rows repeated with other values, ', round(r.usd / 1e9, 3), ' bn USD') AS found,
    concat('at most ', $conflict_share, ' of World trade') AS expected
FROM repairs AS r
JOIN (
    SELECT classification, year, reporter, sum(world_usd) AS world_usd
    FROM checks
    GROUP BY classification, year, reporter
) AS c USING (classification, year, reporter)
WHERE r.repair = 'conflicts' AND r.usd > $conflict_share * c.world_usd
ORDER BY r.classification, r.year, r.reporter
