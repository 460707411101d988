-- Where overrides are worked on; emptied by each commit, gone with the connection.
CREATE TEMPORARY TABLE IF NOT EXISTS staged_overrides (
    row_number bigint GENERATED ALWAYS AS IDENTITY,
    raw text NOT NULL, party_id text NOT NULL, contact_id text NOT NULL, valid_from text NOT NULL,
    valid_to text NOT NULL, is_retroactive boolean NOT NULL, note text NOT NULL
) ON COMMIT DELETE ROWS;

-- The same with instants: what is refused for being no number, nobody's known or in another's way is left out.
CREATE TEMPORARY TABLE IF NOT EXISTS wanted_overrides (
    row_number bigint NOT NULL, number text NOT NULL, national_number text NOT NULL, party_id text, contact_id text,
    valid_from timestamptz, valid_to timestamptz, note text NOT NULL,
    EXCLUDE USING gist (number WITH =, tstzrange(valid_from, valid_to) WITH &&)
) ON COMMIT DELETE ROWS;

-- What is left of overrides that were cut.
CREATE TEMPORARY TABLE IF NOT EXISTS kept_overrides (
    number text NOT NULL, national_number text NOT NULL, party_id text, contact_id text,
    valid_from timestamptz, valid_to timestamptz, note text NOT NULL
) ON COMMIT DELETE ROWS
