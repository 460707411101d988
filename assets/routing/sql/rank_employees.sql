-- The touched clients' numbers with the employees who should answer them, best first.
-- Only people who are employed and not excluded are ranked; who is away is left to the answer. The CRM's owner
-- comes first, then the published responsible if nobody leads by enough, then the score:
--   a company's own number: all evidence of the client counts in full
--   a contact's: their own counts (C + k) / (O + k), that of the company's others k / (O + k), where C is all
--   evidence of the client, O that of the contact and k the shrinkage; so it sums to C, as for the company
-- A score is decayed to the client's latest interaction, so that time alone changes none.
WITH at_work AS (
    SELECT a.employee_id, a.name, a.extension
    FROM availability(now(), :business_zone) AS a
    WHERE a.unavailable IS NULL OR a.unavailable NOT IN ('not_employed', 'excluded')
), scored AS (
    SELECT
        p.client_id, p.contact_id, p.employee_id, p.interactions, p.talk_seconds, p.last_at,
        power(2::double precision, p.log_score
            - extract(epoch FROM max(p.last_at) OVER (PARTITION BY p.client_id) - '2020-01-01 00:00:00+00')
                ::double precision / :half_life_seconds) AS score
    FROM participation AS p
    WHERE p.client_id IN (SELECT t.client_id FROM touched_clients AS t)
), company AS (
    SELECT
        client_id, employee_id, sum(score) AS score, sum(interactions) AS interactions,
        sum(talk_seconds) AS talk_seconds, max(last_at) AS last_at
    FROM scored
    GROUP BY client_id, employee_id
), owners AS (
    SELECT c.party_id AS client_id, c.responsible_id AS employee_id
    FROM crm_parties AS c
    WHERE c.party_id IN (SELECT t.client_id FROM touched_clients AS t)
        AND c.responsible_id IS NOT NULL AND c.gone_at IS NULL
), candidates AS (
    SELECT
        client_id, employee_id, w.name, w.extension,
        o.employee_id IS NOT NULL AS is_owner,
        coalesce(c.score, 0) AS score, coalesce(c.interactions, 0) AS interactions,
        coalesce(c.talk_seconds, 0) AS talk_seconds, c.last_at
    FROM company AS c
    FULL JOIN owners AS o USING (client_id, employee_id)
    JOIN at_work AS w USING (employee_id)
), numbers AS (
    SELECT DISTINCT o.party_id AS client_id, o.number, coalesce(o.contact_id, '') AS contact_id, o.party_id,
        c.name AS party_name
    FROM number_owners AS o
    JOIN crm_parties AS c USING (party_id)
    WHERE o.party_id IN (SELECT t.client_id FROM touched_clients AS t)
        AND (o.valid_from IS NULL OR o.valid_from <= now()) AND (o.valid_to IS NULL OR o.valid_to > now())
    UNION ALL
    SELECT t.client_id, substr(t.client_id, 5), '', NULL, NULL
    FROM touched_clients AS t
    WHERE t.client_id LIKE 'tel:%'
        -- A number that has found its owner is routed by the owner's evidence alone.
        AND NOT EXISTS (
            SELECT FROM number_owners AS o
            WHERE o.number = substr(t.client_id, 5) AND o.party_id IS NOT NULL
                AND (o.valid_from IS NULL OR o.valid_from <= now()) AND (o.valid_to IS NULL OR o.valid_to > now())
        )
), worked AS (
    SELECT
        n.number, n.client_id, n.contact_id, n.party_id, n.party_name, c.employee_id, c.name, c.extension, c.is_owner,
        c.interactions, c.talk_seconds, c.last_at, c.score AS company_score,
        sum(c.score) OVER one AS company_total,
        coalesce(own.score, 0) AS own_score,
        sum(coalesce(own.score, 0)) OVER one AS own_total
    FROM numbers AS n
    JOIN candidates AS c USING (client_id)
    LEFT JOIN scored AS own
        ON own.client_id = n.client_id AND own.contact_id = n.contact_id AND own.employee_id = c.employee_id
    WINDOW one AS (PARTITION BY n.number)
), blended AS (
    SELECT
        w.*,
        CASE
            WHEN contact_id = '' THEN company_score
            ELSE own_score * (company_total + :shrinkage) / (own_total + :shrinkage)
                + (company_score - own_score) * :shrinkage / (own_total + :shrinkage)
        END AS score
    FROM worked AS w
), shared AS (
    SELECT
        b.*,
        coalesce(b.score / nullif(sum(b.score) OVER (PARTITION BY b.number), 0), 0) AS share,
        max(b.score) OVER (PARTITION BY b.number) AS best_score,
        row_number() OVER (
            PARTITION BY b.number
            ORDER BY round(b.score::numeric, 6) DESC, b.last_at DESC NULLS LAST, b.employee_id
        ) = 1 AS is_leader,
        -- Who answers by rank today.
        EXISTS (
            SELECT
            FROM published_routing AS live
            JOIN routing_table AS r
                ON r.number = b.number AND r.version <= live.version
                AND (r.until_version IS NULL OR r.until_version > live.version)
            WHERE r.rank = 1 AND r.is_responsible AND r.reason IN ('rank', 'kept') AND r.employee_id = b.employee_id
        ) AS is_incumbent
    FROM blended AS b
), judged AS (
    SELECT
        s.*,
        s.is_incumbent AND s.score > 0 AND s.best_score <= :hysteresis * s.score
            AND s.share >= :smallest_share / :hysteresis AS is_kept,
        s.is_leader AND s.share >= :smallest_share AS has_share,
        s.is_leader AND (s.interactions >= :fewest_interactions OR s.talk_seconds >= :enough_talk_seconds)
            AS has_evidence
    FROM shared AS s
), verdicts AS (
    SELECT
        j.*,
        CASE
            WHEN bool_or(is_kept AND NOT (has_share AND has_evidence)) OVER one THEN 'kept'
            WHEN NOT bool_or(has_share) OVER one THEN 'share_too_small'
            WHEN NOT bool_or(has_evidence) OVER one THEN 'too_little_evidence'
            ELSE 'rank'
        END AS verdict,
        row_number() OVER (
            PARTITION BY number
            ORDER BY is_owner DESC, is_kept DESC, round(score::numeric, 6) DESC, last_at DESC NULLS LAST, employee_id
        ) AS rank
    FROM judged AS j
    WINDOW one AS (PARTITION BY number)
)
INSERT INTO ranked (
    number, rank, client_id, contact_id, party_id, party_name, employee_id, employee_name, extension, score, share,
    is_responsible, reason
)
SELECT
    number, rank, client_id, contact_id, party_id, party_name, employee_id, name, extension,
    round(score::numeric, 6)::double precision, round(share::numeric, 4)::double precision,
    rank = 1 AND (is_owner OR verdict IN ('rank', 'kept')),
    CASE
        WHEN is_owner THEN 'crm_owner'
        -- Whoever stands behind one who was kept is there by rank.
        WHEN verdict = 'kept' AND NOT is_kept THEN 'rank'
        ELSE verdict
    END
FROM verdicts
WHERE rank <= :ranks
