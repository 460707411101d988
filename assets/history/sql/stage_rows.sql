-- One page of JSON records into staging.
INSERT INTO staged_rows (row_number, raw)
SELECT record.ordinality, record.value
FROM jsonb_array_elements(CAST(:page AS jsonb)) WITH ORDINALITY AS record
