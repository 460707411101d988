-- All evidence, up to the last of the given business days, of the clients who called on these days; their answered
-- external inbound calls of these days are to be predicted, each once, by whoever talked longest.
--   known_at    a call's talk is known when the call has ended
--   expires_at  from when evidence counts nothing: its own validity, or the employee's last day at work
WITH callers AS (
    SELECT DISTINCT client_id
    FROM tracked_interactions
    WHERE kind = 'call' AND direction = 'in' AND role = 'talker'
        AND (CAST(:first_day AS date) IS NULL OR interaction_day >= :first_day)
        AND (CAST(:last_day AS date) IS NULL OR interaction_day <= :last_day)
)
SELECT
    i.at,
    greatest(i.at, h.ended_at) AS known_at,
    least(
        i.valid_until,
        CAST(w.employed_until + 1 AS timestamp) AT TIME ZONE CAST(:business_zone AS text)
    ) AS expires_at,
    i.client_id AS client,
    i.contact_id AS contact,
    i.employee_id AS employee,
    i.weight,
    i.talk_seconds,
    i.direction = 'in' AS is_inbound,
    i.kind = 'call' AND i.role = 'talker' AS is_talker,
    i.kind = 'call' AND i.role = 'talker' AND i.direction = 'in'
        AND (CAST(:first_day AS date) IS NULL OR i.interaction_day >= :first_day) AS is_test,
    coalesce(w.department, '') AS team,
    coalesce(e.responsible_id, '') AS crm_owner,
    i.interaction_day AS call_day,
    i.source AS pbx_id,
    i.source_key AS linkedid
FROM tracked_interactions AS i
JOIN callers AS c USING (client_id)
LEFT JOIN call_history AS h
    ON i.kind = 'call' AND h.pbx_id = i.source AND h.linkedid = i.source_key
LEFT JOIN enriched_calls AS e
    ON i.kind = 'call' AND e.pbx_id = i.source AND e.linkedid = i.source_key
LEFT JOIN crm_employees AS w USING (employee_id)
WHERE CAST(:last_day AS date) IS NULL OR i.interaction_day <= :last_day
