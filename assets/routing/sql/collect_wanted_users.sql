-- Everybody who can be responsible, with the extension they hold today.
-- The module pastes an id between quotes into its query: one that holds a quote would break it.
INSERT INTO wanted_users (employee_id, name, position, extension)
SELECT a.employee_id, a.name, a.department, a.extension
FROM availability(now(), :business_zone) AS a
WHERE a.extension IS NOT NULL AND a.unavailable IS DISTINCT FROM 'not_employed' AND strpos(a.employee_id, '''') = 0
