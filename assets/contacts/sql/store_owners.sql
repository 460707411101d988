-- Timelines of changed numbers, whole; in order, which the index of the constraint takes faster.
INSERT INTO number_owners (
    number, national_number, party_id, contact_id, rung, ambiguous, is_shared, candidates, valid_from, valid_to
)
SELECT
    number, national_number, party_id, contact_id, rung, ambiguous, is_shared, candidates, valid_from, valid_to
FROM wanted_owners
WHERE number IN (SELECT number FROM changed_numbers)
ORDER BY number
