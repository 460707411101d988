-- Calls that bear one of the numbers: in E.164; without a country code that another country may have; or ending
-- like it. What a call bears is what `call_owners` shows as its number.
WITH shown AS (
    SELECT number FROM relinked_numbers
    UNION
    SELECT coalesce(f.number, f.national_number, f.raw)
    FROM relinked_numbers AS n
    JOIN number_forms AS f ON f.national_number = n.national_number AND NOT f.is_international
    UNION
    SELECT coalesce(f.number, f.national_number, f.raw)
    FROM relinked_numbers AS n
    JOIN number_forms AS f
        ON reverse(f.digits COLLATE "C") >= reverse(right(n.number, :tail_digits))
        AND reverse(f.digits COLLATE "C") < reverse(right(n.number, :tail_digits)) || ':'
        AND NOT f.is_international
    WHERE :tail_digits > 0
)
INSERT INTO touched_calls (pbx_id, linkedid)
SELECT e.pbx_id, e.linkedid
FROM shown AS s
JOIN enriched_calls AS e ON e.number = s.number AND e.call_day >= :first_day
