-- Calls of the days on which an internal number was held by somebody else than we thought.
WITH holdings AS (
    SELECT
        extension,
        coalesce(range_agg(period) FILTER (WHERE is_new), '{}') AS after,
        coalesce(range_agg(period) FILTER (WHERE NOT is_new), '{}') AS before
    FROM changed_extensions
    GROUP BY extension, employee_id
), changes AS (
    SELECT DISTINCT extension, unnest((after - before) + (before - after)) AS period
    FROM holdings
), bounds AS (
    SELECT
        min(coalesce(lower(period), '-infinity')) AS first_day,
        max(coalesce(upper(period), 'infinity')) AS end_day
    FROM changes
), legs AS (
    SELECT pbx_id, linkedid, call_day, src_extension, dst_extension
    FROM call_legs
    WHERE call_day >= (SELECT first_day FROM bounds) AND call_day < (SELECT end_day FROM bounds)
        AND gone_at IS NULL
)
INSERT INTO touched_calls (pbx_id, linkedid)
SELECT l.pbx_id, l.linkedid
FROM changes AS c
JOIN legs AS l ON l.src_extension = c.extension AND l.call_day <@ c.period
UNION
SELECT l.pbx_id, l.linkedid
FROM changes AS c
JOIN legs AS l ON l.dst_extension = c.extension AND l.call_day <@ c.period
