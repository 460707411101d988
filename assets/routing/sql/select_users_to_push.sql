-- Responsibles of whom the PBX knows something else, and those it should forget.
SELECT
    coalesce(w.employee_id, p.employee_id) AS employee_id, w.name, w.position, w.extension,
    w.employee_id IS NULL AS is_gone
FROM (
    SELECT * FROM wanted_users WHERE employee_id IN (SELECT r.employee_id FROM wanted_routes AS r)
) AS w
FULL JOIN (SELECT * FROM pushed_users WHERE pbx_id = :pbx_id) AS p USING (employee_id)
WHERE w.employee_id IS NULL OR p.employee_id IS NULL
    OR (w.name, w.position, w.extension) IS DISTINCT FROM (p.name, p.position, p.extension)
ORDER BY 1
