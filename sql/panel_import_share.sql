-- import_share: imports of a reporter from the bloc, itself left out, over its imports from the World.
-- $files    flows files of one classification, with a World TOTAL of imports
-- $bloc     ISO3 labels of the bloc
-- table labels(code, iso3): every Comtrade code with its label
-- A reporter-year without any partner has no share: it is missing, not zero, and reason says why.
-- Sums are ordered, so that the bits do not depend on the number of threads.
WITH imports AS (
    SELECT f.reporter, f.year, f.partner_code, f.value_usd, home.iso3 AS reporter_iso3, away.iso3 AS partner_iso3
    FROM (
        SELECT *,
            regexp_extract(filename, 'reporter=(\d+)/flows\.parquet$', 1)::INTEGER AS reporter,
            regexp_extract(filename, 'year=(\d+)/reporter=\d+/flows\.parquet$', 1)::SMALLINT AS year
        FROM read_parquet($files, hive_partitioning = false, filename = true)
    ) AS f
    JOIN labels AS home ON home.code = f.reporter
    LEFT JOIN labels AS away ON away.code = f.partner_code
    WHERE f.flow = 'M' AND f.product_code = 'TOTAL'
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
    END AS remark
FROM imports
GROUP BY reporter, year
ORDER BY reporter, year
