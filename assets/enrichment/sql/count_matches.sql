-- Calls with outsiders whose number was shown, by day: how the look for an owner went.
SELECT
    call_day,
    count(*) AS calls,
    count(*) FILTER (WHERE outcome = 'owned') AS owned,
    count(*) FILTER (WHERE outcome = 'owned' AND rung = 'manual') AS manual,
    count(*) FILTER (WHERE outcome = 'owned' AND rung = 'exact') AS exact,
    count(*) FILTER (WHERE outcome = 'owned' AND rung = 'national') AS national,
    count(*) FILTER (WHERE outcome = 'owned' AND rung = 'tail') AS tail,
    count(*) FILTER (WHERE outcome = 'ambiguous') AS ambiguous,
    count(*) FILTER (WHERE outcome = 'shared') AS shared,
    count(*) FILTER (WHERE outcome = 'unknown') AS unknown,
    count(*) FILTER (WHERE outcome = 'listed') AS listed
FROM enriched_calls
WHERE call_day = ANY (CAST(:days AS date[])) AND outcome IN ('owned', 'ambiguous', 'shared', 'unknown', 'listed')
GROUP BY call_day
ORDER BY call_day
