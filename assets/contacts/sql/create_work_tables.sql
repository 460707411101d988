-- Where a source's contacts and employees are worked on; emptied by each commit, gone with the connection.

-- Rows as the readers gave them, all text, '' where nothing was given.
CREATE TEMPORARY TABLE IF NOT EXISTS staged_parties (
    row_number bigint GENERATED ALWAYS AS IDENTITY,
    party_id text NOT NULL, name text NOT NULL, kind text NOT NULL, responsible_id text NOT NULL
) ON COMMIT DELETE ROWS;

CREATE TEMPORARY TABLE IF NOT EXISTS staged_phones (
    row_number bigint GENERATED ALWAYS AS IDENTITY,
    party_id text NOT NULL, contact_id text NOT NULL, contact_name text NOT NULL, raw text NOT NULL,
    valid_from text NOT NULL, valid_to text NOT NULL
) ON COMMIT DELETE ROWS;

CREATE TEMPORARY TABLE IF NOT EXISTS staged_employees (
    row_number bigint GENERATED ALWAYS AS IDENTITY,
    employee_id text NOT NULL, name text NOT NULL, department text NOT NULL, extension text NOT NULL,
    valid_from text NOT NULL, valid_to text NOT NULL, mobile text NOT NULL,
    employed_from text NOT NULL, employed_until text NOT NULL
) ON COMMIT DELETE ROWS;

-- Parties this load speaks about: what it does not say of them is gone. All others are left alone.
CREATE TEMPORARY TABLE IF NOT EXISTS scope_parties (party_id text PRIMARY KEY) ON COMMIT DELETE ROWS;

-- Rows that were not taken. `key` is whom an unreadable row speaks of: it is not taken for gone.
CREATE TEMPORARY TABLE IF NOT EXISTS refused_contacts (
    reason text NOT NULL, raw text NOT NULL, key text NOT NULL
) ON COMMIT DELETE ROWS;

-- What the tables are to hold.
CREATE TEMPORARY TABLE IF NOT EXISTS wanted_parties (
    party_id text PRIMARY KEY, name text NOT NULL, kind text NOT NULL, responsible_id text
) ON COMMIT DELETE ROWS;

CREATE TEMPORARY TABLE IF NOT EXISTS wanted_phones (
    party_id text NOT NULL, contact_id text NOT NULL, raw text NOT NULL, contact_name text NOT NULL,
    number text, national_number text, kind text NOT NULL, valid_from timestamptz, valid_to timestamptz
) ON COMMIT DELETE ROWS;

CREATE TEMPORARY TABLE IF NOT EXISTS wanted_employees (
    employee_id text PRIMARY KEY, name text NOT NULL, department text NOT NULL, mobile text,
    employed_from date, employed_until date
) ON COMMIT DELETE ROWS;

-- The constraint is that of employee_extensions: who comes second to an internal number is not let in.
CREATE TEMPORARY TABLE IF NOT EXISTS wanted_extensions (
    employee_id text NOT NULL, extension text NOT NULL, valid_from date, valid_to date,
    EXCLUDE USING gist (extension WITH =, daterange(valid_from, valid_to) WITH &&)
) ON COMMIT DELETE ROWS;

-- Holdings written and removed.
CREATE TEMPORARY TABLE IF NOT EXISTS changed_extensions (
    employee_id text NOT NULL, extension text NOT NULL, period daterange NOT NULL, is_new boolean NOT NULL
) ON COMMIT DELETE ROWS;

-- Employees in whom something changed that can alter a routing answer.
CREATE TEMPORARY TABLE IF NOT EXISTS changed_employees (employee_id text NOT NULL) ON COMMIT DELETE ROWS
