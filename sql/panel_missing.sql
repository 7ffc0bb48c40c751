-- How many reporter-years of table panel lack each variable, by reporter.
SELECT variable, reporter, count(*) AS missing
FROM panel UNPIVOT INCLUDE NULLS (value FOR variable IN (COLUMNS(* EXCLUDE (reporter, year))))
WHERE value IS NULL
GROUP BY variable, reporter
ORDER BY variable, reporter
