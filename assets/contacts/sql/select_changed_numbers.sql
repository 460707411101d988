-- Numbers whose timeline came out different.
WITH former AS (
    SELECT
        o.number, o.national_number, o.party_id, o.contact_id, o.rung, o.ambiguous, o.is_shared, o.candidates,
        o.valid_from, o.valid_to
    FROM number_owners AS o
    JOIN decided_numbers USING (number)
)
INSERT INTO changed_numbers (number)
SELECT number FROM (SELECT * FROM wanted_owners EXCEPT SELECT * FROM former) AS new
UNION
SELECT number FROM (SELECT * FROM former EXCEPT SELECT * FROM wanted_owners) AS old
