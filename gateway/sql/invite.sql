-- Let an employee log in by a link.
--   employee_id, is_supervisor (NULL leaves it as it is), token_hash, seconds
WITH invited AS (
    INSERT INTO employee_logins AS known (employee_id, is_supervisor)
    VALUES (:employee_id, coalesce(CAST(:is_supervisor AS boolean), false))
    ON CONFLICT (employee_id) DO UPDATE
        SET is_supervisor = coalesce(CAST(:is_supervisor AS boolean), known.is_supervisor)
), outdated AS (
    DELETE FROM login_links WHERE employee_id = :employee_id AND used_at IS NULL
)
INSERT INTO login_links (token_hash, employee_id, expires_at)
VALUES (:token_hash, :employee_id, now() + make_interval(secs => :seconds))
