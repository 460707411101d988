-- Each employee's part in the work with the touched clients' contacts, made anew from the evidence.
-- Forward decay (Cormode et al., ICDE 2009): the logarithm of the sum as of a fixed day, so that time alone
-- changes nothing and a late interaction counts as an early one would.
--   log_score = log2(sum(weight * 2^((at - last_at) / half_life))) + (last_at - 2020-01-01) / half_life
WITH evidence AS (
    SELECT
        i.client_id, i.contact_id, i.employee_id, i.party_id, i.number, i.talk_seconds, i.weight, i.at,
        max(i.at) OVER (PARTITION BY i.client_id, i.contact_id, i.employee_id) AS last_at
    FROM tracked_interactions AS i
    WHERE i.client_id IN (SELECT t.client_id FROM touched_clients AS t) AND i.weight > 0
        AND (i.valid_until IS NULL OR i.valid_until > now())
), parts AS (
    SELECT
        client_id, contact_id, employee_id, max(party_id) AS party_id,
        CASE WHEN max(party_id) IS NULL THEN max(number) END AS number,
        round(CAST(
            ln(sum(weight * power(2::double precision, extract(epoch FROM at - last_at)::double precision
                / :half_life_seconds))) / ln(2::double precision)
            + extract(epoch FROM max(at) - '2020-01-01 00:00:00+00')::double precision / :half_life_seconds
            AS numeric
        ), 6)::double precision AS log_score,
        CAST(count(*) AS integer) AS interactions,
        sum(talk_seconds) AS talk_seconds,
        min(at) AS first_at, max(at) AS last_at
    FROM evidence
    GROUP BY client_id, contact_id, employee_id
), dropped AS (
    DELETE FROM participation AS p
    WHERE p.client_id IN (SELECT t.client_id FROM touched_clients AS t)
        AND NOT EXISTS (
            SELECT FROM parts
            WHERE (parts.client_id, parts.contact_id, parts.employee_id) = (p.client_id, p.contact_id, p.employee_id)
        )
    RETURNING 1
), changed AS (
    SELECT n.*
    FROM parts AS n
    LEFT JOIN participation AS p USING (client_id, contact_id, employee_id)
    WHERE p.client_id IS NULL
        OR (p.party_id, p.number, p.log_score, p.interactions, p.talk_seconds, p.first_at, p.last_at)
            IS DISTINCT FROM
            (n.party_id, n.number, n.log_score, n.interactions, n.talk_seconds, n.first_at, n.last_at)
), written AS (
    INSERT INTO participation (
        client_id, contact_id, employee_id, party_id, number, log_score, interactions, talk_seconds, first_at, last_at
    )
    SELECT
        client_id, contact_id, employee_id, party_id, number, log_score, interactions, talk_seconds, first_at, last_at
    FROM changed
    -- Read to its end before anything is written; see open_rows.
    ORDER BY client_id, contact_id, employee_id
    ON CONFLICT (client_id, contact_id, employee_id) DO UPDATE SET
        party_id = excluded.party_id, number = excluded.number, log_score = excluded.log_score,
        interactions = excluded.interactions, talk_seconds = excluded.talk_seconds,
        first_at = excluded.first_at, last_at = excluded.last_at
    RETURNING 1
)
SELECT (SELECT count(*) FROM written) + (SELECT count(*) FROM dropped)
