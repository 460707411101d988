-- The routing table that answers, as other programs get it.
SELECT
    live.version, live.published_at, r.number, r.rank, r.client_id, r.party_name AS client_name, r.employee_id,
    r.employee_name, r.extension, r.score, r.share, r.is_responsible, r.reason
FROM published_routing AS live
JOIN routing_table AS r
    ON r.version <= live.version AND (r.until_version IS NULL OR r.until_version > live.version)
ORDER BY r.number, r.rank
