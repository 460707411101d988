-- How many of the employees we hold from this source it no longer has. Unreadable rows still speak of theirs.
SELECT 'employees' AS what, count(*) AS held, count(*) FILTER (WHERE w.employee_id IS NULL) AS lost
FROM crm_employees AS e
LEFT JOIN wanted_employees AS w USING (employee_id)
WHERE e.source = :source AND e.gone_at IS NULL AND e.employee_id NOT IN (SELECT key FROM refused_contacts)
