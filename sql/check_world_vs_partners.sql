-- World trade that differs from the sum of its partners, over the products that have both.
-- $world_tolerance  allowed difference in relation to World
-- table checks: one row for each partition and flow, from the footers; partial files are a choice of the user's
SELECT
    concat_ws(' ', classification, year, reporter, flow) AS place,
    concat('partners are ', round(world_vs_partners, 4), ' of World') AS found,
    concat('1 within ', $world_tolerance) AS expected
FROM checks
WHERE is_complete AND abs(world_vs_partners - 1) > $world_tolerance
ORDER BY classification, year, reporter, flow
