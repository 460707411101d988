-- Numbers whose timeline came out different.
INSERT INTO changed_numbers (number)
SELECT number
FROM (
    SELECT number, national_number, party_id, contact_id, rung, candidates, valid_from, valid_to
    FROM wanted_owners
    EXCEPT
    SELECT number, national_number, party_id, contact_id, rung, candidates, valid_from, valid_to
    FROM number_owners
) AS new
UNION
SELECT number
FROM (
    SELECT number, national_number, party_id, contact_id, rung, candidates, valid_from, valid_to
    FROM number_owners
    EXCEPT
    SELECT number, national_number, party_id, contact_id, rung, candidates, valid_from, valid_to
    FROM wanted_owners
) AS old
