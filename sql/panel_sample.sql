-- The sample: similarity with one reference, import share and covariates of its reporter-years.
-- tables similarity(reporter, reference, year, reporter_code, reference_code, esi, and esi_width where vintages were
-- brought together), import_share(reporter_code, year, import_share, ...) and covariates(iso3, year, ...)
SELECT
    e.reporter, e.year, e.esi, s.import_share, e.reporter_code, c.* EXCLUDE (iso3, year),
    e.* EXCLUDE (reporter, reference, year, reporter_code, reference_code, esi)
FROM similarity AS e
LEFT JOIN import_share AS s ON s.reporter_code = e.reporter_code AND s.year = e.year
LEFT JOIN covariates AS c ON c.iso3 = e.reporter AND c.year = e.year
ORDER BY e.reporter, e.year
