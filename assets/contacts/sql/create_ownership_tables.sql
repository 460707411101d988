-- Where owners are worked out; emptied by each commit, gone with the connection.

-- Numbers to be decided about: all that follows works on these and on no others.
CREATE TEMPORARY TABLE IF NOT EXISTS decided_numbers (number text PRIMARY KEY) ON COMMIT DELETE ROWS;

-- When a number should be believed to be a contact's, and the facts believed until now.
CREATE TEMPORARY TABLE IF NOT EXISTS changed_facts (
    number text NOT NULL, party_id text NOT NULL, contact_id text NOT NULL,
    wanted tstzmultirange NOT NULL, fact_ids bigint[]
) ON COMMIT DELETE ROWS;

-- What is known of these numbers, from cards and by hand; a manual fact without a party says "nobody's".
CREATE TEMPORARY TABLE IF NOT EXISTS weighed_facts (
    number text NOT NULL, party_id text, contact_id text NOT NULL, rung text NOT NULL,
    starts_at timestamptz NOT NULL, ends_at timestamptz NOT NULL
) ON COMMIT DELETE ROWS;

-- The decision about each.
CREATE TEMPORARY TABLE IF NOT EXISTS wanted_owners (
    number text NOT NULL, national_number text NOT NULL, party_id text, contact_id text, rung text NOT NULL,
    ambiguous boolean NOT NULL, is_shared boolean NOT NULL, candidates text[] NOT NULL,
    valid_from timestamptz, valid_to timestamptz
) ON COMMIT DELETE ROWS;

-- Numbers about which it came out different.
CREATE TEMPORARY TABLE IF NOT EXISTS changed_numbers (number text PRIMARY KEY) ON COMMIT DELETE ROWS
