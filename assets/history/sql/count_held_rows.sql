-- How many rows we hold that start in each hour, by the server's wall clock, as the server counts its own.
--   edges   instants: each is the end of one hour and the start of the next
-- A leg may start on another day than its call did.
WITH walls AS (
    SELECT array_agg(edge AT TIME ZONE :zone ORDER BY place) AS walls
    FROM unnest(CAST(:edges AS timestamptz[])) WITH ORDINALITY AS e (edge, place)
)
SELECT width_bucket(l.started_at AT TIME ZONE :zone, w.walls) AS place, count(*) AS held_rows
FROM call_legs AS l, walls AS w
WHERE l.pbx_id = :pbx_id AND l.gone_at IS NULL
    AND l.call_day BETWEEN CAST(:first_day AS date) - 2 AND CAST(:last_day AS date) + 1
GROUP BY place
