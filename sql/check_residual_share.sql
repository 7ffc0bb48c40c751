-- Too much trade under codes 9999xx to say what a country trades.
-- $residual_share  allowed share in World trade
-- table checks: one row for each partition and flow, from the footers
SELECT
    concat_ws(' ', classification, year, reporter, flow) AS place,
    concat(round(residual_share, 4), ' under codes 9999xx') AS found,
    concat('at most ', $residual_share) AS expected
FROM checks
WHERE residual_share > $residual_share
ORDER BY classification, year, reporter, flow
