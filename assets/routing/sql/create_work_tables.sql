-- Clients whose ranking is looked at, and what it came out as; emptied by each commit.
CREATE TEMPORARY TABLE IF NOT EXISTS touched_clients (client_id text PRIMARY KEY) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS ranked (
    number text NOT NULL, rank integer NOT NULL, client_id text NOT NULL, party_id text, party_name text,
    employee_id text NOT NULL, employee_name text NOT NULL, extension text,
    score double precision NOT NULL, share double precision NOT NULL, is_responsible boolean NOT NULL,
    reason text NOT NULL
) ON COMMIT DELETE ROWS
