-- When a number is a contact's, by its card and by what was believed until now; only differences are kept.
--   a card with a first day      holds as it says
--   a card without one           goes on from where the present fact begins; without a present fact it holds a
--                                number nobody had before from the beginning of time, any other from now;
--                                one that is over already goes back to the last beginning that is known
--   a number not on the card     ends now
WITH cards AS (
    SELECT
        number, party_id, contact_id,
        coalesce(range_agg(tstzrange(valid_from, valid_to)) FILTER (WHERE valid_from IS NOT NULL), '{}') AS dated,
        bool_or(valid_from IS NULL) AS has_undated,
        CASE
            WHEN bool_and(valid_to IS NOT NULL) FILTER (WHERE valid_from IS NULL)
                THEN max(valid_to) FILTER (WHERE valid_from IS NULL)
        END AS valid_to
    FROM crm_phones
    JOIN decided_numbers USING (number)
    WHERE gone_at IS NULL AND kind = 'external'
    GROUP BY number, party_id, contact_id
), facts AS (
    SELECT
        number, party_id, contact_id,
        range_agg(tstzrange(valid_from, valid_to)) AS believed,
        bool_or(tstzrange(valid_from, valid_to) @> now()) AS is_present,
        bool_or(valid_from IS NULL OR valid_from <= now()) AS has_begun,
        max(valid_from) FILTER (WHERE valid_from <= now()) AS last_from,
        array_agg(fact_id) AS fact_ids
    FROM contact_ownership
    JOIN decided_numbers USING (number)
    WHERE superseded_at IS NULL
    GROUP BY number, party_id, contact_id
), known AS (
    SELECT DISTINCT number FROM facts WHERE has_begun
), started AS (
    SELECT
        number, party_id, contact_id, f.fact_ids,
        c.number IS NOT NULL AS is_on_card,
        c.dated, c.has_undated, c.valid_to,
        coalesce(f.believed, '{}') AS believed,
        CASE
            WHEN c.valid_to <= now() THEN CASE WHEN f.last_from < c.valid_to THEN f.last_from END
            WHEN f.is_present THEN f.last_from
            WHEN k.number IS NOT NULL THEN now()
        END AS starts_at
    FROM cards AS c
    FULL JOIN facts AS f USING (number, party_id, contact_id)
    LEFT JOIN known AS k USING (number)
), compared AS (
    SELECT
        *,
        CASE
            WHEN NOT is_on_card THEN believed * tstzmultirange(tstzrange(NULL, now()))
            WHEN NOT has_undated THEN dated
            ELSE dated + believed * tstzmultirange(tstzrange(NULL, valid_to))
                + tstzmultirange(tstzrange(starts_at, valid_to))
        END AS wanted
    FROM started
)
INSERT INTO changed_facts (number, party_id, contact_id, wanted, fact_ids)
SELECT number, party_id, contact_id, wanted, fact_ids
FROM compared
WHERE believed <> wanted
