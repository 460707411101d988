-- What the main job built, in the figures people ask for first.
SELECT
    (SELECT count(*) FROM call_legs WHERE gone_at IS NULL) AS legs,
    calls.calls,
    coalesce(external.with_owner / nullif(external.calls, 0), 0) AS with_owner,
    coalesce(external.unmatched / nullif(external.calls, 0), 0) AS unmatched,
    coalesce(external.ambiguous / nullif(external.calls, 0), 0) AS ambiguous,
    routing.clients,
    routing.with_responsible,
    (SELECT count(*) FROM quarantine) AS quarantined
FROM
    (SELECT count(*) AS calls FROM call_history WHERE gone_at IS NULL) AS calls,
    (
        SELECT
            count(*)::double precision AS calls,
            count(e.party_id) AS with_owner,
            count(*) FILTER (WHERE e.party_id IS NULL AND cardinality(e.candidates) = 0) AS unmatched,
            count(*) FILTER (WHERE cardinality(e.candidates) > 0) AS ambiguous
        FROM enriched_calls AS e
        JOIN call_history AS h USING (pbx_id, linkedid)
        WHERE h.direction <> 'internal'
    ) AS external,
    (
        SELECT
            count(DISTINCT client_id) AS clients,
            count(DISTINCT client_id) FILTER (WHERE is_responsible) AS with_responsible
        FROM routing_table
        WHERE until_version IS NULL
    ) AS routing
