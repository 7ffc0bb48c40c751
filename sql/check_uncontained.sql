-- Codes of other levels, removed, that the products hold in part or not at all, in relation to the products.
-- tables checks and repairs: from the footers
WITH products AS (
    SELECT classification, year, reporter, sum(products_usd) AS usd
    FROM checks
    GROUP BY classification, year, reporter
)
SELECT
    concat_ws(' ', r.classification, r.year, r.reporter) AS place,
    concat(
        r.rows, ' rows of other levels hold ', round(r.usd / 1e9, 3), ' bn USD more than the products kept, which add up to ',
        round(p.usd / 1e9, 3)
    ) AS found,
    concat('at most ', $total_tolerance, ' of the products') AS expected
FROM repairs AS r
JOIN products AS p USING (classification, year, reporter)
WHERE r.repair = 'uncontained' AND r.usd > $total_tolerance * p.usd
ORDER BY r.classification, r.year, r.reporter
