-- The touched clients' numbers with the employees who should answer them, best first.
-- Only people at work today are ranked; the CRM's owner comes before the rank. The first is responsible if
-- named by the CRM, or if their share of the work and the evidence behind it are large enough.
WITH at_work AS (
    SELECT e.employee_id, e.name, held.extension
    FROM crm_employees AS e
    LEFT JOIN LATERAL (
        SELECT min(x.extension) AS extension
        FROM employee_extensions AS x
        WHERE x.employee_id = e.employee_id AND :today <@ daterange(x.valid_from, x.valid_to)
    ) AS held ON true
    WHERE e.gone_at IS NULL AND :today <@ daterange(e.employed_from, e.employed_until, '[]')
), scored AS (
    SELECT
        p.client_id, p.employee_id, p.interactions, p.talk_seconds, p.last_at,
        power(2::double precision, p.log_score
            - extract(epoch FROM max(p.last_at) OVER (PARTITION BY p.client_id) - '2020-01-01 00:00:00+00')
                ::double precision / :half_life_seconds) AS score
    FROM participation AS p
    WHERE p.client_id IN (SELECT t.client_id FROM touched_clients AS t)
), owners AS (
    SELECT c.party_id AS client_id, c.responsible_id AS employee_id
    FROM crm_parties AS c
    WHERE c.party_id IN (SELECT t.client_id FROM touched_clients AS t)
        AND c.responsible_id IS NOT NULL AND c.gone_at IS NULL
), candidates AS (
    SELECT
        client_id, employee_id, w.name, w.extension,
        o.employee_id IS NOT NULL AS is_owner,
        coalesce(s.score, 0) AS score, coalesce(s.interactions, 0) AS interactions,
        coalesce(s.talk_seconds, 0) AS talk_seconds, s.last_at
    FROM scored AS s
    FULL JOIN owners AS o USING (client_id, employee_id)
    JOIN at_work AS w USING (employee_id)
), shared AS (
    SELECT
        *,
        coalesce(score / nullif(sum(score) OVER (PARTITION BY client_id), 0), 0) AS share,
        row_number() OVER (
            PARTITION BY client_id
            ORDER BY is_owner DESC, round(score::numeric, 6) DESC, last_at DESC NULLS LAST, employee_id
        ) AS rank
    FROM candidates
), numbers AS (
    SELECT DISTINCT o.party_id AS client_id, o.number, o.party_id, c.name AS party_name
    FROM number_owners AS o
    JOIN crm_parties AS c USING (party_id)
    WHERE o.party_id IN (SELECT t.client_id FROM touched_clients AS t)
        AND tstzrange(o.valid_from, o.valid_to) @> now()
    UNION ALL
    SELECT t.client_id, substr(t.client_id, 5), NULL, NULL
    FROM touched_clients AS t
    WHERE t.client_id LIKE 'tel:%'
        -- A number that has found its owner is routed by the owner's evidence alone.
        AND NOT EXISTS (
            SELECT FROM number_owners AS o
            WHERE o.number = substr(t.client_id, 5) AND o.party_id IS NOT NULL
                AND tstzrange(o.valid_from, o.valid_to) @> now()
        )
)
INSERT INTO ranked (
    number, rank, client_id, party_id, party_name, employee_id, employee_name, extension, score, share,
    is_responsible, reason
)
SELECT
    n.number, s.rank, n.client_id, n.party_id, n.party_name, s.employee_id, s.name, s.extension,
    round(s.score::numeric, 6)::double precision, round(s.share::numeric, 4)::double precision,
    s.rank = 1 AND (s.is_owner OR (s.share >= :smallest_share AND (
        s.interactions >= :fewest_interactions OR s.talk_seconds >= :enough_talk_seconds
    ))),
    CASE
        WHEN s.is_owner THEN 'crm_owner'
        WHEN s.rank > 1 THEN 'rank'
        WHEN s.share < :smallest_share THEN 'share_too_small'
        WHEN s.interactions < :fewest_interactions AND s.talk_seconds < :enough_talk_seconds
            THEN 'too_little_evidence'
        ELSE 'rank'
    END
FROM shared AS s
JOIN numbers AS n USING (client_id)
WHERE s.rank <= :names
