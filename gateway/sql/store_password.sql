-- A new password: failures with the old one are forgotten, and whoever came in by it is out.
WITH stored AS (
    INSERT INTO employee_logins (employee_id, password_hash)
    VALUES (:employee_id, :password_hash)
    ON CONFLICT (employee_id) DO UPDATE
        SET password_hash = excluded.password_hash, failures = 0, locked_until = NULL
)
DELETE FROM login_sessions WHERE employee_id = :employee_id
