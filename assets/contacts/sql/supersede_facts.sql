-- Facts we know better now. They stay, marked with the moment we learned.
UPDATE contact_ownership AS o
SET superseded_at = now()
FROM changed_facts AS c
CROSS JOIN LATERAL unnest(c.fact_ids) AS believed(fact_id)
WHERE o.fact_id = believed.fact_id
    AND NOT EXISTS (
        SELECT FROM unnest(c.wanted) AS w(period) WHERE w.period = tstzrange(o.valid_from, o.valid_to)
    )
