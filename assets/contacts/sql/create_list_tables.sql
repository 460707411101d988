-- Where a list of numbers is worked on; emptied by each commit, gone with the connection.
CREATE TEMPORARY TABLE IF NOT EXISTS staged_listed (
    row_number bigint GENERATED ALWAYS AS IDENTITY,
    raw text NOT NULL, kind text NOT NULL, expires_on text NOT NULL, note text NOT NULL
) ON COMMIT DELETE ROWS
