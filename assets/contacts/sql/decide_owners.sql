-- Whose a number is, from one change to the next: what is set by hand wins; one party is named, with its contact
-- where there is but one; several are candidates and none is named; of `shared_from` parties and more the number is
-- taken for a shared one, a reception's or a call centre's. Neighbouring spans with the same decision are one.
WITH instants AS (
    SELECT number, starts_at AS at FROM weighed_facts
    UNION
    SELECT number, ends_at FROM weighed_facts
), spans AS (
    SELECT number, at AS starts_at, lead(at) OVER (PARTITION BY number ORDER BY at) AS ends_at
    FROM instants
), held AS (
    SELECT
        s.number, s.starts_at, s.ends_at, f.party_id, f.contact_id, f.rung,
        bool_or(f.rung = 'manual') OVER (PARTITION BY s.number, s.starts_at) AS is_by_hand
    FROM spans AS s
    JOIN weighed_facts AS f ON f.number = s.number AND f.starts_at <= s.starts_at AND f.ends_at >= s.ends_at
), weighed AS (
    SELECT
        number, starts_at, ends_at,
        coalesce(array_agg(DISTINCT party_id ORDER BY party_id) FILTER (WHERE party_id IS NOT NULL), '{}')
            AS candidates,
        CASE WHEN count(DISTINCT (party_id, contact_id)) = 1 THEN nullif(min(contact_id), '') END AS contact_id,
        min(rung) AS rung
    FROM held
    WHERE is_by_hand = (rung = 'manual')
    GROUP BY number, starts_at, ends_at
), marked AS (
    SELECT
        *,
        (lag(ends_at) OVER earlier, lag(candidates) OVER earlier, lag(contact_id) OVER earlier,
            lag(rung) OVER earlier)
            IS DISTINCT FROM (starts_at, candidates, contact_id, rung) AS is_first
    FROM weighed
    WINDOW earlier AS (PARTITION BY number ORDER BY starts_at)
), numbered AS (
    SELECT *, count(*) FILTER (WHERE is_first) OVER (PARTITION BY number ORDER BY starts_at) AS decision
    FROM marked
), decided AS (
    SELECT
        number, min(candidates) AS candidates, min(contact_id) AS contact_id, min(rung) AS rung,
        nullif(min(starts_at), '-infinity') AS valid_from, nullif(max(ends_at), 'infinity') AS valid_to
    FROM numbered
    GROUP BY number, decision
), national AS (
    SELECT number, min(national_number) AS national_number
    FROM (
        SELECT p.number, p.national_number FROM crm_phones AS p JOIN decided_numbers USING (number)
        UNION ALL
        SELECT o.number, o.national_number FROM number_overrides AS o JOIN decided_numbers USING (number)
    ) AS known
    GROUP BY number
)
INSERT INTO wanted_owners (
    number, national_number, party_id, contact_id, rung, ambiguous, is_shared, candidates, valid_from, valid_to
)
SELECT
    d.number, n.national_number,
    CASE WHEN cardinality(d.candidates) = 1 THEN d.candidates[1] END,
    CASE WHEN cardinality(d.candidates) = 1 THEN d.contact_id END,
    d.rung,
    cardinality(d.candidates) BETWEEN 2 AND :shared_from - 1,
    cardinality(d.candidates) >= :shared_from,
    d.candidates, d.valid_from, d.valid_to
FROM decided AS d
JOIN national AS n USING (number)
