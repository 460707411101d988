-- Evidence from the touched documents; only differences are written, and the clients they concern, former and
-- new, are queued for ranking. A document that names no client is its number's owner's, as of its date.
--   documents  what is tracked: [{kind, document, weight, validity_days}]
WITH tracked AS (
    SELECT kind, document, weight, validity_days
    FROM jsonb_to_recordset(CAST(:documents AS jsonb)) AS d(
        kind text, document text, weight double precision, validity_days double precision
    )
), evidence AS (
    SELECT
        w.kind, d.source, d.entity_set || ' ' || d.document_id AS source_key, d.employee_id, d.interaction_day, d.at,
        coalesce(nullif(d.party_id, ''), o.party_id, 'tel:' || d.number) AS client_id,
        coalesce(nullif(d.party_id, ''), o.party_id) AS party_id,
        CASE WHEN d.party_id <> '' THEN d.contact_id ELSE coalesce(o.contact_id, '') END AS contact_id,
        d.number, w.weight,
        d.at + make_interval(secs => w.validity_days * 86400) AS valid_until
    FROM touched_documents AS t
    JOIN crm_interactions AS d USING (source, entity_set, document_id)
    JOIN tracked AS w ON w.document = d.kind
    LEFT JOIN number_owners AS o
        ON d.party_id = '' AND o.number = d.number AND o.party_id IS NOT NULL
        AND (o.valid_from IS NULL OR o.valid_from <= d.at) AND (o.valid_to IS NULL OR o.valid_to > d.at)
    WHERE d.employee_id <> '' AND NOT d.is_deleted AND d.gone_at IS NULL
        AND (d.party_id <> '' OR d.number IS NOT NULL)
), held AS (
    SELECT i.*
    FROM tracked_interactions AS i
    WHERE i.kind <> 'call'
        AND (i.source, i.source_key) IN (
            SELECT t.source, t.entity_set || ' ' || t.document_id FROM touched_documents AS t
        )
), dropped AS (
    DELETE FROM tracked_interactions AS i
    USING held AS h
    WHERE (i.kind, i.source, i.source_key, i.employee_id) = (h.kind, h.source, h.source_key, h.employee_id)
        AND NOT EXISTS (
            SELECT FROM evidence AS e
            WHERE (e.kind, e.source, e.source_key, e.employee_id) = (h.kind, h.source, h.source_key, h.employee_id)
        )
    RETURNING i.client_id, i.interaction_day
), changed AS (
    SELECT e.*, h.client_id AS former_client_id
    FROM evidence AS e
    LEFT JOIN held AS h USING (kind, source, source_key, employee_id)
    WHERE h.source IS NULL
        OR (h.interaction_day, h.at, h.client_id, h.contact_id, h.party_id, h.number, h.weight, h.valid_until)
            IS DISTINCT FROM
            (e.interaction_day, e.at, e.client_id, e.contact_id, e.party_id, e.number, e.weight, e.valid_until)
), written AS (
    INSERT INTO tracked_interactions (
        kind, source, source_key, employee_id, interaction_day, at, client_id, contact_id, party_id, number,
        direction, role, talk_seconds, weight, valid_until
    )
    SELECT
        kind, source, source_key, employee_id, interaction_day, at, client_id, contact_id, party_id, number,
        '', 'author', 0, weight, valid_until
    FROM changed
    ON CONFLICT (kind, source, source_key, employee_id) DO UPDATE SET
        interaction_day = excluded.interaction_day, at = excluded.at, client_id = excluded.client_id,
        contact_id = excluded.contact_id, party_id = excluded.party_id, number = excluded.number,
        weight = excluded.weight, valid_until = excluded.valid_until
), queued AS (
    INSERT INTO changed_clients (client_id)
    SELECT client_id FROM changed
    UNION
    SELECT former_client_id FROM changed WHERE former_client_id IS NOT NULL
    UNION
    SELECT client_id FROM dropped
)
SELECT day, count(*) AS rows
FROM (
    SELECT interaction_day AS day FROM changed
    UNION ALL
    SELECT interaction_day FROM dropped
) AS days
GROUP BY day
ORDER BY day
