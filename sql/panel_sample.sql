-- The sample: similarity with one reference, import share and covariates of the chosen reporter-years.
-- $esi        esi files of one classification
-- $reference  ISO3 label or composite name
-- $reporters, $years  empty lists mean all
-- tables import_share(reporter_code, year, import_share) and covariates(iso3, year, ...)
SELECT e.reporter, e.year, e.esi, s.import_share, c.* EXCLUDE (iso3, year)
FROM read_parquet($esi) AS e
LEFT JOIN import_share AS s ON s.reporter_code = e.reporter_code AND s.year = e.year
LEFT JOIN covariates AS c ON c.iso3 = e.reporter AND c.year = e.year
WHERE e.reference = $reference
  AND (len($reporters) = 0 OR list_contains($reporters, e.reporter))
  AND (len($years) = 0 OR list_contains($years, e.year))
ORDER BY e.reporter, e.year
