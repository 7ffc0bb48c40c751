-- World TOTAL that differs from the sum of its products.
-- $total_tolerance  allowed difference in relation to TOTAL
-- table checks: one row for each partition and flow, from the footers
-- Of partial files only what lacks below the TOTAL counts, and where they hold products at all.
SELECT
    concat_ws(' ', classification, year, reporter, flow) AS place,
    concat('products are ', round(total_vs_products, 4), ' of TOTAL') AS found,
    concat('1 within ', $total_tolerance) AS expected
FROM checks
WHERE abs(total_vs_products - 1) > $total_tolerance
    AND (is_complete OR (total_vs_products < 1 AND n_products > 0))
ORDER BY classification, year, reporter, flow
