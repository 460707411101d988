-- A portion of the queue, each number with all its entries.
WITH taken AS (
    DELETE FROM numbers_to_relink
    WHERE number IN (SELECT q.number FROM numbers_to_relink AS q LIMIT :numbers)
    RETURNING number, national_number
)
INSERT INTO relinked_numbers (number, national_number)
SELECT DISTINCT number, national_number FROM taken
