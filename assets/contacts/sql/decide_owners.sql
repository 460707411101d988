-- Whose a number is, from one change to the next: one party is named, with its contact where there is but one;
-- several are candidates and none is named. Neighbouring spans with the same decision are one.
WITH facts AS (
    SELECT
        number, party_id, contact_id, rung,
        coalesce(valid_from, '-infinity') AS starts_at, coalesce(valid_to, 'infinity') AS ends_at
    FROM contact_ownership
    WHERE superseded_at IS NULL
), instants AS (
    SELECT number, starts_at AS at FROM facts
    UNION
    SELECT number, ends_at FROM facts
), spans AS (
    SELECT number, at AS starts_at, lead(at) OVER (PARTITION BY number ORDER BY at) AS ends_at
    FROM instants
), held AS (
    SELECT
        s.number, s.starts_at, s.ends_at,
        array_agg(DISTINCT f.party_id ORDER BY f.party_id) AS candidates,
        CASE WHEN count(DISTINCT (f.party_id, f.contact_id)) = 1 THEN nullif(min(f.contact_id), '') END
            AS contact_id,
        -- The weakest of them: 'national' comes after 'exact'.
        max(f.rung) AS rung
    FROM spans AS s
    JOIN facts AS f ON f.number = s.number AND f.starts_at <= s.starts_at AND f.ends_at >= s.ends_at
    GROUP BY s.number, s.starts_at, s.ends_at
), marked AS (
    SELECT
        *,
        (lag(ends_at) OVER earlier, lag(candidates) OVER earlier, lag(contact_id) OVER earlier,
            lag(rung) OVER earlier)
            IS DISTINCT FROM (starts_at, candidates, contact_id, rung) AS is_first
    FROM held
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
    FROM crm_phones
    WHERE number IS NOT NULL
    GROUP BY number
)
INSERT INTO wanted_owners (
    number, national_number, party_id, contact_id, rung, ambiguous, candidates, valid_from, valid_to
)
SELECT
    d.number, n.national_number,
    CASE WHEN cardinality(d.candidates) = 1 THEN d.candidates[1] END,
    d.contact_id, d.rung, cardinality(d.candidates) > 1, d.candidates, d.valid_from, d.valid_to
FROM decided AS d
JOIN national AS n USING (number)
