-- What there is to say of import_share, and of how many reporter-years of each reporter of the sample.
-- tables sample(reporter, year, reporter_code) and import_share(reporter_code, year, import_share, remark)
SELECT s.remark, p.reporter, count(*) AS reporter_years
FROM sample AS p
JOIN import_share AS s ON s.reporter_code = p.reporter_code AND s.year = p.year
WHERE s.remark IS NOT NULL
GROUP BY ALL
ORDER BY s.remark, p.reporter
