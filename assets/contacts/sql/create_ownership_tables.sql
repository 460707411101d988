-- Where owners are worked out; emptied by each commit, gone with the connection.

-- When a number should be believed to be a contact's, and the facts believed until now.
CREATE TEMPORARY TABLE IF NOT EXISTS changed_facts (
    number text NOT NULL, party_id text NOT NULL, contact_id text NOT NULL,
    wanted tstzmultirange NOT NULL, fact_ids bigint[]
) ON COMMIT DELETE ROWS;

-- The decision about every number.
CREATE TEMPORARY TABLE IF NOT EXISTS wanted_owners (
    number text NOT NULL, national_number text NOT NULL, party_id text, contact_id text, rung text NOT NULL,
    ambiguous boolean NOT NULL, candidates text[] NOT NULL, valid_from timestamptz, valid_to timestamptz
) ON COMMIT DELETE ROWS;

-- Numbers about which it came out different.
CREATE TEMPORARY TABLE IF NOT EXISTS changed_numbers (number text PRIMARY KEY) ON COMMIT DELETE ROWS
