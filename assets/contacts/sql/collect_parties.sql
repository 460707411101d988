-- One row per party of the source: the last word on each of its facts.
-- What another source holds is not ours to change: its rows are refused.
WITH last_words AS (
    SELECT
        party_id,
        (array_agg(name ORDER BY row_number DESC))[1] AS name,
        (array_agg(kind ORDER BY row_number DESC))[1] AS kind,
        (array_agg(responsible_id ORDER BY row_number DESC) FILTER (WHERE responsible_id <> ''))[1]
            AS responsible_id
    FROM staged_parties
    GROUP BY party_id
), foreign_parties AS (
    SELECT w.*, p.source AS holder
    FROM last_words AS w
    JOIN crm_parties AS p USING (party_id)
    WHERE p.source <> :source AND p.gone_at IS NULL
), refused AS (
    INSERT INTO refused_contacts (reason, raw, key)
    SELECT
        format('the party is held from source %s; a party_id belongs to one source', f.holder),
        jsonb_build_object(
            'party_id', f.party_id, 'party_name', f.name, 'phones',
            (SELECT jsonb_agg(s.raw ORDER BY s.row_number) FROM staged_phones AS s WHERE s.party_id = f.party_id)
        )::text,
        ''
    FROM foreign_parties AS f
)
INSERT INTO wanted_parties (party_id, name, kind, responsible_id)
SELECT party_id, name, kind, responsible_id
FROM last_words
WHERE party_id NOT IN (SELECT party_id FROM foreign_parties)
