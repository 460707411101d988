-- Internal numbers of live employees of other sources: they come before this source's rows.
INSERT INTO wanted_extensions (employee_id, extension, valid_from, valid_to)
SELECT x.employee_id, x.extension, x.valid_from, x.valid_to
FROM employee_extensions AS x
JOIN crm_employees AS e USING (employee_id)
WHERE e.source <> :source AND e.gone_at IS NULL
