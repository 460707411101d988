-- Documents and clients that are looked at, and what their ranking came out as; emptied by each commit.
CREATE TEMPORARY TABLE IF NOT EXISTS touched_documents (
    source text NOT NULL, entity_set text NOT NULL, document_id text NOT NULL,
    PRIMARY KEY (source, entity_set, document_id)
) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS touched_clients (client_id text PRIMARY KEY) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS ranked (
    number text NOT NULL, rank integer NOT NULL, client_id text NOT NULL, contact_id text NOT NULL,
    party_id text, party_name text, employee_id text NOT NULL, employee_name text NOT NULL, extension text,
    score double precision NOT NULL, share double precision NOT NULL, is_responsible boolean NOT NULL,
    reason text NOT NULL
) ON COMMIT DELETE ROWS
