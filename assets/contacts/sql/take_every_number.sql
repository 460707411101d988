-- Every number that cards, facts, overrides or decisions speak of.
WITH taken AS (
    DELETE FROM numbers_to_decide RETURNING number
)
INSERT INTO decided_numbers (number)
SELECT number FROM taken
UNION
SELECT number FROM crm_phones WHERE number IS NOT NULL
UNION
SELECT number FROM contact_ownership WHERE superseded_at IS NULL
UNION
SELECT number FROM number_overrides WHERE superseded_at IS NULL
UNION
SELECT number FROM number_owners
