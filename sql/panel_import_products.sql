-- import_share: imports of a reporter from the bloc, itself left out, over its imports from the World, from products.
-- $files    flows files of one classification, without a World TOTAL of imports
-- $bloc     ISO3 labels of the bloc
-- table labels(code, iso3): every Comtrade code with its label
-- A reporter-year without any partner has no share: it is missing, not zero, and reason says why.
-- Of products of several lengths the longest codes count: shorter ones are their sums.
-- Sums are ordered, so that the bits do not depend on the number of threads.
WITH products AS (
    SELECT reporter, year, partner_code, product_code, value_usd,
        max(length(product_code)) OVER (PARTITION BY reporter, year) AS digits
    FROM (
        SELECT *,
            regexp_extract(filename, 'reporter=(\d+)/flows\.parquet$', 1)::INTEGER AS reporter,
            regexp_extract(filename, 'year=(\d+)/reporter=\d+/flows\.parquet$', 1)::SMALLINT AS year
        FROM read_parquet($files, hive_partitioning = false, filename = true)
    )
    WHERE flow = 'M' AND product_code <> 'TOTAL'
), by_partner AS (
    SELECT reporter, year, partner_code, sum(value_usd ORDER BY product_code) AS value_usd
    FROM products
    WHERE length(product_code) = digits
    GROUP BY reporter, year, partner_code
), imports AS (
    SELECT f.*, home.iso3 AS reporter_iso3, away.iso3 AS partner_iso3
    FROM by_partner AS f
    JOIN labels AS home ON home.code = f.reporter
    LEFT JOIN labels AS away ON away.code = f.partner_code
)
SELECT
    reporter AS reporter_code,
    year,
    CASE WHEN count(*) FILTER (WHERE partner_code <> 0) > 0 THEN
        coalesce(
            sum(value_usd ORDER BY partner_code) FILTER (
                WHERE list_contains($bloc, partner_iso3) AND partner_iso3 <> reporter_iso3
            ),
            0
        ) / nullif(sum(value_usd) FILTER (WHERE partner_code = 0), 0)
    END AS import_share,
    CASE
        WHEN count(*) FILTER (WHERE partner_code <> 0) = 0 THEN 'imports from the World only, without partners'
        WHEN coalesce(sum(value_usd) FILTER (WHERE partner_code = 0), 0) = 0 THEN 'no imports from the World'
        ELSE 'from the products, for no TOTAL of imports stands in the data'
    END AS remark
FROM imports
GROUP BY reporter, year
ORDER BY reporter, year
