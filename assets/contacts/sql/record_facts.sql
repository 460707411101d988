-- Facts as we know them now; in order, which the index of the constraint takes faster.
INSERT INTO contact_ownership (number, party_id, contact_id, rung, valid_from, valid_to)
SELECT c.number, c.party_id, c.contact_id, 'exact', lower(w.period), upper(w.period)
FROM changed_facts AS c
CROSS JOIN LATERAL unnest(c.wanted) AS w(period)
WHERE NOT EXISTS (
    SELECT FROM contact_ownership AS o
    WHERE o.fact_id = ANY (c.fact_ids) AND tstzrange(o.valid_from, o.valid_to) = w.period
)
ORDER BY c.number
