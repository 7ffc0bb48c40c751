-- Reporter-years of which no product was kept, and what removed most rows.
-- tables checks and removed: from the footers
WITH most AS (
    SELECT
        classification, year, reporter,
        sum(rows) AS rows,
        string_agg(concat(rows, ' under ', rule), ', ' ORDER BY rows DESC, rule) AS rules
    FROM (
        SELECT
            classification, year, reporter, sum(rows) AS rows,
            if(digits IS NULL, rule, concat(rule, ' (', digits, ' digits)')) AS rule
        FROM removed
        WHERE rule <> 'level' OR digits IS NOT NULL
        GROUP BY classification, year, reporter, rule, digits
    )
    GROUP BY classification, year, reporter
)
SELECT
    concat_ws(' ', m.classification, m.year, m.reporter) AS place,
    concat('no product kept of ', m.rows, ' rows: ', m.rules) AS found,
    'products' AS expected
FROM most AS m
LEFT JOIN (
    SELECT classification, year, reporter, sum(products_usd) AS usd
    FROM checks
    GROUP BY classification, year, reporter
) AS c USING (classification, year, reporter)
WHERE coalesce(c.usd, 0) = 0
ORDER BY m.classification, m.year, m.reporter
