-- Events after one, in the order of storing, with the names of this moment, who may see them, and whether they open
-- the card of the employee whose leg it is.
--   after     event_id of the last one known
--   viewer    employee_id: events of their calls only; NULL is everybody's
--   pbx       of one server only; NULL is all
--   portion   rows at most
SELECT
    e.event_id, e.kind, e.pbx_id, e.linkedid AS call_id, e.leg_id, e.extension, e.employee_id,
    w.name AS employee_name, coalesce(e.direction, call.direction) AS direction,
    coalesce(e.number, call.number) AS number, coalesce(e.did, call.did) AS did, e.to_number,
    coalesce(e.source_at, e.received_at) AS at, e.received_at, e.stored_at, o.party_id, o.party_name, o.contact_name,
    who.members,
    -- Once for a call and an employee. An old event opens no card of a call that is over.
    coalesce(e.direction, call.direction) IS DISTINCT FROM 'internal'
        AND coalesce(
            e.kind = 'answered' OR (e.kind = 'ringing' AND login.opens_card_on = 'ringing'), false
        )
        AND coalesce(login.opens_card_on, 'never') <> 'never'
        AND (e.stored_at > clock_timestamp() - interval '30 seconds' OR call.is_living)
        AND NOT EXISTS (
            SELECT
            FROM switchboard.call_events AS before
            WHERE before.pbx_id = e.pbx_id AND before.linkedid = e.linkedid AND before.employee_id = e.employee_id
                AND before.event_id < e.event_id
                AND (before.kind = 'answered' OR (before.kind = 'ringing' AND login.opens_card_on = 'ringing'))
        ) AS opens
FROM switchboard.call_events AS e
LEFT JOIN switchboard.crm_employees AS w ON w.employee_id = e.employee_id
LEFT JOIN switchboard.employee_logins AS login ON login.employee_id = e.employee_id
CROSS JOIN LATERAL (
    SELECT
        max(l.direction) AS direction, max(l.number) AS number, max(l.did) AS did,
        coalesce(bool_or(l.ended_at IS NULL), false) AS is_living
    FROM switchboard.live_legs AS l
    WHERE l.pbx_id = e.pbx_id AND l.linkedid = e.linkedid
) AS call
CROSS JOIN LATERAL (
    SELECT coalesce(array_agg(m.employee_id), '{}') AS members
    FROM switchboard.call_members AS m
    WHERE m.pbx_id = e.pbx_id AND m.linkedid = e.linkedid
) AS who
LEFT JOIN LATERAL switchboard.owner_shown(coalesce(e.number, call.number)) AS o ON true
WHERE e.event_id > %(after)s
    AND (CAST(%(pbx)s AS text) IS NULL OR e.pbx_id = %(pbx)s)
    AND (CAST(%(viewer)s AS text) IS NULL OR CAST(%(viewer)s AS text) = ANY (who.members))
ORDER BY e.event_id
LIMIT %(portion)s
