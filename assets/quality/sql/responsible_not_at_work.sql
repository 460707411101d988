-- Responsible employees who are not employed today.
SELECT r.number, r.employee_id, e.employed_until
FROM routing_table AS r
LEFT JOIN crm_employees AS e USING (employee_id)
WHERE r.until_version IS NULL AND r.is_responsible
    AND (
        e.employee_id IS NULL OR e.gone_at IS NOT NULL
        OR NOT CAST(now() AT TIME ZONE :business_zone AS date) <@ daterange(e.employed_from, e.employed_until, '[]')
    )
