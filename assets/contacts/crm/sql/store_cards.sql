-- The mirror of the base: only differences are written. A version alone concerns nobody; of cards whose contents
-- differ the parties are noted, as they are and as they were; where the whole base is read, all of them.
WITH read AS (
    SELECT DISTINCT ON (entity_set, ref) *
    FROM staged_cards
    ORDER BY entity_set, ref, row_number DESC
), compared AS (
    SELECT
        r.*,
        c.ref IS NULL AS is_new,
        c.party_id AS former_party_id,
        c.version IS DISTINCT FROM r.version AS is_rewritten,
        c.gone_at IS NOT NULL
            OR (c.party_id, c.name, c.is_person, c.responsible_id, c.phones, c.phones_since, c.is_deleted)
                IS DISTINCT FROM
                (r.party_id, r.name, r.is_person, r.responsible_id, r.phones, r.phones_since, r.is_deleted)
            AS is_different,
        r.kind = 'employee' AS is_employee
    FROM read AS r
    LEFT JOIN crm_cards AS c ON c.source = :source AND c.entity_set = r.entity_set AND c.ref = r.ref
    WHERE NOT r.is_gone
), written AS (
    INSERT INTO crm_cards (
        source, entity_set, ref, version, kind, party_id, name, is_person, responsible_id, phones, phones_since,
        is_deleted
    )
    SELECT
        :source, entity_set, ref, version, kind, party_id, name, is_person, responsible_id, phones, phones_since,
        is_deleted
    FROM compared
    WHERE is_rewritten OR is_different
    ON CONFLICT (source, entity_set, ref) DO UPDATE SET
        version = excluded.version, kind = excluded.kind, party_id = excluded.party_id, name = excluded.name,
        is_person = excluded.is_person, responsible_id = excluded.responsible_id, phones = excluded.phones,
        phones_since = excluded.phones_since, is_deleted = excluded.is_deleted, gone_at = NULL
), gone AS (
    UPDATE crm_cards AS c
    SET gone_at = now()
    FROM read AS r
    WHERE r.is_gone AND c.source = :source AND c.entity_set = r.entity_set AND c.ref = r.ref AND c.gone_at IS NULL
    RETURNING c.kind, c.party_id
), touched AS (
    INSERT INTO touched_parties (party_id)
    SELECT party_id FROM compared WHERE (is_different OR :is_whole) AND NOT is_employee
    UNION
    SELECT former_party_id FROM compared WHERE is_different AND NOT is_new AND NOT is_employee
    UNION
    SELECT party_id FROM gone WHERE kind <> 'employee'
)
SELECT
    count(*) FILTER (WHERE is_new) AS new,
    count(*) FILTER (WHERE NOT is_new AND (is_rewritten OR is_different)) AS changed,
    (SELECT count(*) FROM gone) AS gone,
    count(*) FILTER (WHERE NOT (is_new OR is_rewritten OR is_different)) AS unchanged,
    count(*) FILTER (WHERE (is_different OR :is_whole) AND is_employee)
        + (SELECT count(*) FROM gone WHERE kind = 'employee') AS employees
FROM compared
