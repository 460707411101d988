-- Who should answer a number, best first; the columns of our table. Nobody here is a company's contact, and nothing
-- is published, so neither shrinkage nor hysteresis has anything to do.
CREATE OR REPLACE TABLE routing_table AS
WITH at_work AS (
    SELECT e.employee_id, e.name, min(x.extension) AS extension
    FROM 'crm_employees.parquet' AS e
    LEFT JOIN 'employee_extensions.parquet' AS x
        ON x.employee_id = e.employee_id
        AND coalesce(x.valid_from <= current_date, true) AND coalesce(current_date < x.valid_to, true)
    WHERE e.gone_at IS NULL
        AND coalesce(e.employed_from <= current_date, true) AND coalesce(current_date <= e.employed_until, true)
    GROUP BY e.employee_id, e.name
), scored AS (
    SELECT
        client_id, employee_id, interactions, talk_seconds, last_at,
        pow(2.0, log_score - epoch(
            max(last_at) OVER (PARTITION BY client_id) - TIMESTAMPTZ '2020-01-01 00:00:00+00'
        ) / getvariable('half_life_seconds')) AS score
    FROM participation
), candidates AS (
    SELECT
        coalesce(s.client_id, o.party_id) AS client_id, w.employee_id, w.name, w.extension,
        o.party_id IS NOT NULL AS is_owner, coalesce(s.score, 0) AS score,
        coalesce(s.interactions, 0) AS interactions, coalesce(s.talk_seconds, 0) AS talk_seconds, s.last_at
    FROM scored AS s
    FULL JOIN (
        SELECT party_id, responsible_id FROM 'crm_parties.parquet'
        WHERE responsible_id IS NOT NULL AND gone_at IS NULL
    ) AS o ON o.party_id = s.client_id AND o.responsible_id = s.employee_id
    JOIN at_work AS w ON w.employee_id = coalesce(s.employee_id, o.responsible_id)
), shared AS (
    SELECT
        *,
        coalesce(score / nullif(sum(score) OVER (PARTITION BY client_id), 0), 0) AS share,
        row_number() OVER (
            PARTITION BY client_id
            ORDER BY is_owner DESC, round(score, 6) DESC, last_at DESC NULLS LAST, employee_id
        ) AS rank
    FROM candidates
), judged AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY client_id ORDER BY round(score, 6) DESC, last_at DESC NULLS LAST, employee_id
        ) = 1 AS is_leader
    FROM shared
), verdicts AS (
    SELECT
        *,
        CASE
            WHEN NOT bool_or(is_leader AND share >= getvariable('smallest_share')) OVER (PARTITION BY client_id)
                THEN 'share_too_small'
            WHEN NOT bool_or(is_leader AND (
                interactions >= getvariable('fewest_interactions') OR talk_seconds >= getvariable('enough_talk_seconds')
            )) OVER (PARTITION BY client_id) THEN 'too_little_evidence'
            ELSE 'rank'
        END AS verdict
    FROM judged
), owned AS (
    SELECT DISTINCT o.number, o.party_id, p.name AS party_name
    FROM 'number_owners.parquet' AS o
    JOIN 'crm_parties.parquet' AS p USING (party_id)
    WHERE coalesce(o.valid_from <= now(), true) AND coalesce(now() < o.valid_to, true)
), numbers AS (
    SELECT party_id AS client_id, number, party_id, party_name FROM owned
    UNION ALL
    SELECT DISTINCT client_id, substr(client_id, 5), NULL, NULL
    FROM participation
    WHERE client_id LIKE 'tel:%' AND substr(client_id, 5) NOT IN (SELECT number FROM owned)
)
SELECT
    1 AS version, n.number, s.rank, n.client_id, n.party_id, n.party_name, s.employee_id, s.name AS employee_name,
    s.extension, round(s.score, 6) AS score, round(s.share, 4) AS share,
    s.rank = 1 AND (s.is_owner OR s.verdict = 'rank') AS is_responsible,
    CASE WHEN s.is_owner THEN 'crm_owner' ELSE s.verdict END AS reason
FROM verdicts AS s
JOIN numbers AS n USING (client_id)
WHERE s.rank <= getvariable('ranks')
