-- Numbers whose cards or overrides changed leave the queue for good only if this transaction commits.
WITH taken AS (
    DELETE FROM numbers_to_decide RETURNING number
)
INSERT INTO decided_numbers (number)
SELECT DISTINCT number FROM taken
