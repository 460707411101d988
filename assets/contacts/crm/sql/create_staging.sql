-- What was read from a base before anybody else has to wait for it; gone with the connection.

-- Objects in the order in which they were read: the last word on each counts.
CREATE TEMPORARY TABLE IF NOT EXISTS staged_cards (
    row_number bigint GENERATED ALWAYS AS IDENTITY,
    entity_set text NOT NULL, ref text NOT NULL, is_gone boolean NOT NULL,
    version text, kind text, party_id text, name text, is_person boolean, responsible_id text,
    phones text[], phones_since date[], is_deleted boolean
);

CREATE TEMPORARY TABLE IF NOT EXISTS staged_interactions (
    row_number bigint GENERATED ALWAYS AS IDENTITY,
    entity_set text NOT NULL, document_id text NOT NULL, is_gone boolean NOT NULL,
    version text, kind text, at timestamptz, client_id text, contact_id text, employee_id text, phone text,
    is_deleted boolean
);

-- Which version of each object the base has, cards and documents alike.
CREATE TEMPORARY TABLE IF NOT EXISTS staged_versions (
    entity_set text NOT NULL, ref text NOT NULL, version text NOT NULL
);

-- Parties whose cards came out different, as they are and as they were.
CREATE TEMPORARY TABLE IF NOT EXISTS touched_parties (party_id text NOT NULL)
