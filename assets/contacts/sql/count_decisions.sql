-- How the numbers stand now.
SELECT
    count(party_id) AS owned,
    count(*) FILTER (WHERE ambiguous) AS ambiguous,
    count(*) FILTER (WHERE is_shared) AS shared,
    count(*) FILTER (WHERE rung = 'manual') AS by_hand
FROM number_owners
WHERE tstzrange(valid_from, valid_to) @> now()
