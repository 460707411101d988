-- Another transaction may be storing the same strings: whoever comes second has nothing to add.
INSERT INTO number_forms (raw, region, number, national_number, extension, kind, is_international)
SELECT raw, :region, number, national_number, extension, kind, is_international
FROM parsed_numbers
ORDER BY raw
ON CONFLICT DO NOTHING
