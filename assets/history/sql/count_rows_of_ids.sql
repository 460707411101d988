-- How many rows we hold of each range of ids.
SELECT r.first_id, r.last_id, count(l.leg_id) AS held_rows
FROM unnest(CAST(:first_ids AS bigint[]), CAST(:last_ids AS bigint[])) AS r (first_id, last_id)
LEFT JOIN call_legs AS l ON l.pbx_id = :pbx_id AND l.source_row_id BETWEEN r.first_id AND r.last_id
    AND l.call_day BETWEEN CAST(:first_day AS date) - 31 AND CAST(:last_day AS date) + 31
GROUP BY r.first_id, r.last_id
