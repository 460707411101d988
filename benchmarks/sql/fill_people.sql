-- Log-ins of the employees with these extensions, each with a link `link-of-<extension>`.
WITH logins AS (
    INSERT INTO employee_logins (employee_id) SELECT 'employee-' || unnest(CAST(:extensions AS text[]))
)
INSERT INTO login_links (token_hash, employee_id, expires_at)
SELECT encode(sha256(convert_to('link-of-' || extension, 'UTF8')), 'hex'), 'employee-' || extension,
    now() + interval '1 hour'
FROM unnest(CAST(:extensions AS text[])) AS extension
