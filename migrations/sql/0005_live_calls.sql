-- A call that is going on, as its legs that have not ended tell it.
CREATE VIEW switchboard.live_calls AS
SELECT
    pbx_id, linkedid, min(began_at) AS began_at, max(direction) AS direction, max(number) AS number,
    max(client_number) AS client_number, max(did) AS did,
    CASE
        WHEN bool_or(answered_at IS NOT NULL AND extension IS NOT NULL) THEN
            CASE
                WHEN bool_or(held_at > coalesce(resumed_at, '-infinity')) THEN 'held' ELSE 'answered'
            END
        ELSE 'ringing'
    END AS state,
    min(answered_at) FILTER (WHERE extension IS NOT NULL) AS answered_at,
    array_agg(DISTINCT extension) FILTER (WHERE extension IS NOT NULL) AS extensions,
    array_agg(DISTINCT employee_id) FILTER (WHERE employee_id IS NOT NULL) AS employees
FROM switchboard.live_legs
WHERE ended_at IS NULL
GROUP BY pbx_id, linkedid
