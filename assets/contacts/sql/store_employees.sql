-- Employees of the source: only differences are written; who is missing is marked gone.
WITH compared AS (
    SELECT
        w.*,
        e.employee_id IS NULL AS is_new,
        (e.source, e.department, e.mobile) IS DISTINCT FROM (:source, w.department, w.mobile) AS is_moved,
        e.gone_at IS NOT NULL
            OR (e.name, e.employed_from, e.employed_until)
                IS DISTINCT FROM (w.name, w.employed_from, w.employed_until)
            AS alters_routing
    FROM wanted_employees AS w
    LEFT JOIN crm_employees AS e USING (employee_id)
), differing AS (
    SELECT * FROM compared WHERE is_new OR is_moved OR alters_routing
), written AS (
    INSERT INTO crm_employees (employee_id, source, name, department, mobile, employed_from, employed_until)
    SELECT employee_id, :source, name, department, mobile, employed_from, employed_until
    FROM differing
    ON CONFLICT (employee_id) DO UPDATE SET
        source = excluded.source, name = excluded.name, department = excluded.department,
        mobile = excluded.mobile, employed_from = excluded.employed_from,
        employed_until = excluded.employed_until, gone_at = NULL
), gone AS (
    UPDATE crm_employees AS e
    SET gone_at = now()
    WHERE e.source = :source AND e.gone_at IS NULL
        AND NOT EXISTS (SELECT FROM wanted_employees AS w WHERE w.employee_id = e.employee_id)
        AND e.employee_id NOT IN (SELECT key FROM refused_contacts)
    RETURNING e.employee_id
), noted AS (
    INSERT INTO changed_employees (employee_id)
    SELECT employee_id FROM differing WHERE alters_routing
    UNION ALL
    SELECT employee_id FROM gone
)
SELECT
    count(*) FILTER (WHERE is_new) AS new,
    count(*) FILTER (WHERE NOT is_new AND (is_moved OR alters_routing)) AS changed,
    (SELECT count(*) FROM gone) AS gone,
    count(*) FILTER (WHERE NOT (is_new OR is_moved OR alters_routing)) AS unchanged
FROM compared
