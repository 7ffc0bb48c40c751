-- Import share and covariates of every country and year, whether in the panel's sample or not.
-- tables import_share(reporter_code, year, import_share), labels(code, iso3, is_current), covariates(iso3, year, ...)
-- Of two codes of one country in one year, the one in use today counts.
WITH shares AS (
    SELECT l.iso3, s.year, s.import_share
    FROM import_share AS s
    JOIN labels AS l ON l.code = s.reporter_code
    QUALIFY row_number() OVER (PARTITION BY l.iso3, s.year ORDER BY l.is_current DESC, l.code DESC) = 1
)
SELECT iso3 AS reporter, year, s.import_share, c.* EXCLUDE (iso3, year)
FROM shares AS s
FULL JOIN covariates AS c USING (iso3, year)
ORDER BY iso3, year
