-- The ranking beside the last talker, on the latest days that were backtested.
WITH latest AS (
    SELECT b.*, b.employee_id IS NOT DISTINCT FROM b.last_id AS last_hits
    FROM routing_backtest AS b
    WHERE b.call_day > (SELECT max(call_day) FROM routing_backtest) - CAST(:days AS integer)
)
SELECT
    min(call_day) AS first_day,
    max(call_day) AS last_day,
    count(*) AS calls,
    count(*) FILTER (WHERE predicted_rank = 1) AS hits,
    count(*) FILTER (WHERE last_hits) AS last_hits,
    count(predicted_id) AS named,
    count(*) FILTER (WHERE predicted_id = employee_id AND NOT last_hits) AS better,
    count(*) FILTER (WHERE predicted_id <> employee_id AND last_hits) AS worse
FROM latest
