-- A portion may hold a leg twice (duplicate rows, an overlap): the later row is the truth.
DELETE FROM mapped_legs AS earlier
USING (
    SELECT leg_id, max(row_number) FILTER (WHERE problem IS NULL) AS row_number
    FROM mapped_legs
    GROUP BY leg_id
    HAVING count(*) FILTER (WHERE problem IS NULL) > 1
) AS last
WHERE earlier.leg_id = last.leg_id AND earlier.row_number < last.row_number AND earlier.problem IS NULL
