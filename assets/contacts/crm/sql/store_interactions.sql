-- Documents as the base has them: only differences are written, and counted on the day they stand on and the day
-- they stood on. A client is the party its card belongs to; a contact person alone says whose.
WITH read AS (
    SELECT DISTINCT ON (entity_set, document_id) *
    FROM staged_interactions
    ORDER BY entity_set, document_id, row_number DESC
), placed AS (
    SELECT
        r.entity_set, r.document_id, r.version, r.kind, r.at, r.contact_id, r.employee_id, r.phone, r.is_deleted,
        CAST(r.at AT TIME ZONE :business_zone AS date) AS interaction_day,
        coalesce(client.party_id, nullif(r.client_id, ''), owner.party_id, contact.party_id, '') AS party_id,
        f.number
    FROM read AS r
    LEFT JOIN LATERAL (
        SELECT c.party_id
        FROM crm_cards AS c
        WHERE c.source = :source AND c.entity_set = ANY (CAST(:party_sets AS text[])) AND c.ref = r.client_id
        ORDER BY array_position(CAST(:party_sets AS text[]), c.entity_set)
        LIMIT 1
    ) AS client ON true
    LEFT JOIN LATERAL (
        SELECT c.party_id
        FROM crm_cards AS c
        WHERE c.source = :source AND c.entity_set = ANY (CAST(:contact_sets AS text[])) AND c.ref = r.contact_id
        LIMIT 1
    ) AS contact ON true
    LEFT JOIN LATERAL (
        SELECT c.party_id
        FROM crm_cards AS c
        WHERE c.source = :source AND c.entity_set = ANY (CAST(:party_sets AS text[])) AND c.ref = contact.party_id
        ORDER BY array_position(CAST(:party_sets AS text[]), c.entity_set)
        LIMIT 1
    ) AS owner ON true
    LEFT JOIN number_forms AS f ON f.raw = r.phone AND f.region = :region
    WHERE NOT r.is_gone
), compared AS (
    SELECT
        p.*,
        i.document_id IS NULL AS is_new,
        CASE WHEN i.gone_at IS NULL THEN i.interaction_day END AS former_day,
        i.gone_at IS NOT NULL
            OR (i.version, i.kind, i.at, i.interaction_day, i.party_id, i.contact_id, i.employee_id, i.phone,
                i.number, i.is_deleted)
                IS DISTINCT FROM
                (p.version, p.kind, p.at, p.interaction_day, p.party_id, p.contact_id, p.employee_id, p.phone,
                p.number, p.is_deleted)
            AS is_different
    FROM placed AS p
    LEFT JOIN crm_interactions AS i
        ON i.source = :source AND i.entity_set = p.entity_set AND i.document_id = p.document_id
), written AS (
    INSERT INTO crm_interactions (
        source, entity_set, document_id, kind, version, interaction_day, at, party_id, contact_id, employee_id, phone,
        number, is_deleted
    )
    SELECT
        :source, entity_set, document_id, kind, version, interaction_day, at, party_id, contact_id, employee_id, phone,
        number, is_deleted
    FROM compared
    WHERE is_different
    ON CONFLICT (source, entity_set, document_id) DO UPDATE SET
        kind = excluded.kind, version = excluded.version, interaction_day = excluded.interaction_day,
        at = excluded.at, party_id = excluded.party_id, contact_id = excluded.contact_id,
        employee_id = excluded.employee_id, phone = excluded.phone, number = excluded.number,
        is_deleted = excluded.is_deleted, gone_at = NULL
), gone AS (
    UPDATE crm_interactions AS i
    SET gone_at = now()
    FROM read AS r
    WHERE r.is_gone AND i.source = :source AND i.entity_set = r.entity_set AND i.document_id = r.document_id
        AND i.gone_at IS NULL
    RETURNING i.entity_set, i.document_id, i.interaction_day
), queued AS (
    INSERT INTO changed_documents (source, entity_set, document_id)
    SELECT :source, entity_set, document_id FROM compared WHERE is_different
    UNION ALL
    SELECT :source, entity_set, document_id FROM gone
), outcomes AS (
    SELECT
        CASE WHEN is_new THEN 'new' WHEN is_different THEN 'changed' ELSE 'unchanged' END AS outcome,
        interaction_day
    FROM compared
    UNION ALL
    SELECT 'left', former_day FROM compared WHERE former_day <> interaction_day
    UNION ALL
    SELECT 'gone', interaction_day FROM gone
)
SELECT outcome, interaction_day, count(*) AS documents
FROM outcomes
GROUP BY outcome, interaction_day
ORDER BY interaction_day, outcome
