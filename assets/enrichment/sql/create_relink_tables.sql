-- Numbers whose calls are looked at again in this transaction.
CREATE TEMPORARY TABLE IF NOT EXISTS relinked_numbers (
    number text NOT NULL, national_number text
) ON COMMIT DELETE ROWS
