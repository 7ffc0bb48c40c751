-- The sample: similarity with one reference, import share and covariates of the chosen reporter-years.
-- $esi        esi files of one classification
-- $reference  ISO3 label or composite name
-- $reporters, $years  empty lists mean all
-- tables import_share(reporter_code, year, import_share), covariates(iso3, year, ...), labels(code, iso3, is_current)
-- Of two codes of one country in one year (a predecessor that still files), the one in use today counts.
WITH chosen AS (
    SELECT e.reporter, e.year, e.esi, e.reporter_code
    FROM read_parquet($esi) AS e
    LEFT JOIN labels AS home ON home.code = e.reporter_code
    LEFT JOIN labels AS away ON away.code = e.reference_code
    WHERE e.reference = $reference AND e.reporter <> e.reference
      AND (len($reporters) = 0 OR list_contains($reporters, e.reporter))
      AND (len($years) = 0 OR list_contains($years, e.year))
    QUALIFY row_number() OVER (
        PARTITION BY e.reporter, e.year
        ORDER BY home.is_current DESC, away.is_current DESC, e.reporter_code DESC, e.reference_code DESC
    ) = 1
)
SELECT e.reporter, e.year, e.esi, s.import_share, c.* EXCLUDE (iso3, year)
FROM chosen AS e
LEFT JOIN import_share AS s ON s.reporter_code = e.reporter_code AND s.year = e.year
LEFT JOIN covariates AS c ON c.iso3 = e.reporter AND c.year = e.year
ORDER BY e.reporter, e.year
