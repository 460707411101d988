-- What a PBX should know, and the clients of whom it knows something else.
CREATE TEMPORARY TABLE IF NOT EXISTS wanted_routes (
    phone_id text PRIMARY KEY, number text NOT NULL, client_id text NOT NULL, client_name text NOT NULL,
    employee_id text NOT NULL
);
CREATE TEMPORARY TABLE IF NOT EXISTS wanted_users (
    employee_id text PRIMARY KEY, name text NOT NULL, position text NOT NULL, extension text NOT NULL
);
CREATE INDEX IF NOT EXISTS wanted_routes_client_id_idx ON wanted_routes (client_id);
TRUNCATE wanted_routes, wanted_users
