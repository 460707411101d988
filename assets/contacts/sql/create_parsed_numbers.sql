-- What libphonenumber made of new strings, on its way into number_forms.
CREATE TEMPORARY TABLE IF NOT EXISTS parsed_numbers (
    raw text NOT NULL, number text, national_number text, extension text, kind text NOT NULL,
    is_international boolean NOT NULL
) ON COMMIT DELETE ROWS
