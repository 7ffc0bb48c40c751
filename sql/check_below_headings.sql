-- Products that hold less than half of what the same source has under chapters or headings.
-- tables checks and removed: from the footers
WITH headings AS (
    SELECT classification, year, reporter, digits, max(usd) AS usd
    FROM removed
    WHERE digits IN (2, 4)
    GROUP BY classification, year, reporter, digits
),
products AS (
    SELECT classification, year, reporter, sum(products_usd) AS usd
    FROM checks
    GROUP BY classification, year, reporter
)
SELECT
    concat_ws(' ', h.classification, h.year, h.reporter) AS place,
    concat(
        'products add up to ', round(p.usd / 1e9, 3), ' bn USD, codes of ', h.digits, ' digits to ',
        round(h.usd / 1e9, 3)
    ) AS found,
    'at least half of it' AS expected
FROM headings AS h
JOIN products AS p USING (classification, year, reporter)
WHERE p.usd < 0.5 * h.usd AND p.usd > 0
ORDER BY h.classification, h.year, h.reporter, h.digits
