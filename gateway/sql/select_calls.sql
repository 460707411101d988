-- Calls that are going on, oldest first, with names.
--   viewer    employee_id; NULL is nobody's own
--   sees_all  whether they see everybody's calls
--   pbx       of one server only; NULL is all
SELECT
    c.pbx_id, c.linkedid AS call_id, c.began_at, c.direction, c.state, c.number, c.did, c.answered_at,
    coalesce(c.extensions, '{}') AS extensions, staff.employees, o.party_id, o.party_name, o.contact_name,
    own.is_mine
FROM switchboard.live_calls AS c
CROSS JOIN LATERAL (
    SELECT EXISTS (
        SELECT
        FROM switchboard.call_members AS m
        WHERE m.pbx_id = c.pbx_id AND m.linkedid = c.linkedid AND m.employee_id = %(viewer)s
    ) AS is_mine
    OFFSET 0
) AS own
CROSS JOIN LATERAL (
    SELECT coalesce(jsonb_agg(DISTINCT jsonb_build_object(
        'employee_id', l.employee_id, 'name', coalesce(w.name, l.employee_id), 'extension', l.extension
    )) FILTER (WHERE l.employee_id IS NOT NULL), '[]') AS employees
    FROM switchboard.live_legs AS l
    LEFT JOIN switchboard.crm_employees AS w USING (employee_id)
    WHERE l.pbx_id = c.pbx_id AND l.linkedid = c.linkedid AND l.ended_at IS NULL
) AS staff
LEFT JOIN LATERAL switchboard.owner_shown(c.number) AS o ON true
WHERE (own.is_mine OR %(sees_all)s) AND (CAST(%(pbx)s AS text) IS NULL OR c.pbx_id = %(pbx)s)
ORDER BY c.began_at, c.pbx_id, c.linkedid
