-- One row per employee of the source: the last word on each fact. An employee of another source is refused.
WITH last_words AS (
    SELECT
        employee_id,
        (array_agg(name ORDER BY row_number DESC))[1] AS name,
        (array_agg(department ORDER BY row_number DESC) FILTER (WHERE department <> ''))[1] AS department,
        (array_agg(mobile ORDER BY row_number DESC) FILTER (WHERE mobile <> ''))[1] AS mobile,
        (array_agg(employed_from ORDER BY row_number DESC) FILTER (WHERE employed_from <> ''))[1]
            AS employed_from,
        (array_agg(employed_until ORDER BY row_number DESC) FILTER (WHERE employed_until <> ''))[1]
            AS employed_until
    FROM staged_employees
    GROUP BY employee_id
), foreign_employees AS (
    SELECT w.*, e.source AS holder
    FROM last_words AS w
    JOIN crm_employees AS e USING (employee_id)
    WHERE e.source <> :source AND e.gone_at IS NULL
), refused AS (
    INSERT INTO refused_contacts (reason, raw, key)
    SELECT
        format('the employee is held from source %s; an employee_id belongs to one source', f.holder),
        (to_jsonb(s) - 'row_number')::text,
        ''
    FROM foreign_employees AS f
    JOIN staged_employees AS s USING (employee_id)
)
INSERT INTO wanted_employees (employee_id, name, department, mobile, employed_from, employed_until)
SELECT
    employee_id, name, coalesce(department, ''), mobile, CAST(employed_from AS date), CAST(employed_until AS date)
FROM last_words
WHERE employee_id NOT IN (SELECT employee_id FROM foreign_employees)
