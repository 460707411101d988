-- The backtested calls of business days, as a replay returns them.
SELECT
    call_day, employee_id AS employee, coalesce(predicted_id, '') AS predicted, share,
    CAST(predicted_rank AS double precision) AS rank, coalesce(last_id, '') AS last,
    coalesce(frequent_id, '') AS frequent, coalesce(owner_id, '') AS owner
FROM routing_backtest
WHERE call_day BETWEEN :first_day AND :last_day
ORDER BY at, pbx_id, linkedid
