-- The share of calls that found their owner, in the last seven whole days against the 28 days before them; a row only
-- where it fell by more than `largest_match_fall` and both spans have calls enough to tell (50).
WITH today AS (
    SELECT CAST(now() AT TIME ZONE :business_zone AS date) AS day
), spans AS (
    SELECT
        e.call_day >= t.day - 7 AS is_last_week,
        count(*) AS calls,
        count(*) FILTER (WHERE e.outcome = 'owned')::double precision / count(*) AS share
    FROM enriched_calls AS e
    CROSS JOIN today AS t
    WHERE e.call_day >= t.day - 35 AND e.call_day < t.day
        AND e.outcome IN ('owned', 'ambiguous', 'shared', 'unknown', 'listed')
    GROUP BY 1
)
SELECT
    round(before.share::numeric, 4) AS share_before, round(last.share::numeric, 4) AS share_last_week,
    before.calls AS calls_before, last.calls AS calls_last_week
FROM spans AS before
JOIN spans AS last ON last.is_last_week AND NOT before.is_last_week
WHERE least(before.calls, last.calls) >= 50 AND before.share - last.share > :largest_match_fall
