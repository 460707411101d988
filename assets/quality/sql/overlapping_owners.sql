-- Two beliefs about one number at one time: the database's constraints forbid it.
SELECT a.number, a.party_id, a.valid_from, a.valid_to
FROM number_owners AS a
JOIN number_owners AS b
    ON b.number = a.number AND b.ctid <> a.ctid
    AND tstzrange(b.valid_from, b.valid_to) && tstzrange(a.valid_from, a.valid_to)
UNION ALL
SELECT a.number, a.party_id, a.valid_from, a.valid_to
FROM contact_ownership AS a
JOIN contact_ownership AS b
    ON b.number = a.number AND b.party_id = a.party_id AND b.contact_id = a.contact_id AND b.fact_id <> a.fact_id
    AND b.superseded_at IS NULL
    AND tstzrange(b.valid_from, b.valid_to) && tstzrange(a.valid_from, a.valid_to)
WHERE a.superseded_at IS NULL
