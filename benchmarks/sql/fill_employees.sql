-- Twenty-five employees, one extension each.
WITH hired AS (
    INSERT INTO crm_employees (employee_id, source, name)
    SELECT 'employee-' || n, 'bench', 'Employee ' || n FROM generate_series(200, 224) AS n
)
INSERT INTO employee_extensions (employee_id, extension)
SELECT 'employee-' || n, CAST(n AS text) FROM generate_series(200, 224) AS n
