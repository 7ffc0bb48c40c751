-- Reporter-years, or references, of the sample for which two codes of one country stand in the similarities.
-- $esi, $reference, $reporters, $years  as in panel_sample
SELECT
    CASE WHEN count(DISTINCT reporter_code) > 1 THEN reporter ELSE reference END AS country,
    year,
    CASE WHEN count(DISTINCT reporter_code) > 1
        THEN list_sort(list(DISTINCT reporter_code)) ELSE list_sort(list(DISTINCT reference_code)) END AS codes
FROM read_parquet($esi)
WHERE reference = $reference
  AND (len($reporters) = 0 OR list_contains($reporters, reporter))
  AND (len($years) = 0 OR list_contains($years, year))
GROUP BY reporter, reference, year
HAVING count(*) > 1
ORDER BY country, year
