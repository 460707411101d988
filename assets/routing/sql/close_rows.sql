-- Current rows of the touched clients that hold no longer.
UPDATE routing_table AS r
SET until_version = :version
WHERE r.until_version IS NULL
    AND r.client_id IN (SELECT t.client_id FROM touched_clients AS t)
    AND NOT EXISTS (
        SELECT FROM ranked AS k
        WHERE k.number = r.number AND k.rank = r.rank
            AND (
                k.client_id, k.contact_id, k.party_id, k.party_name, k.employee_id, k.employee_name, k.extension,
                k.score, k.share, k.is_responsible, k.reason
            ) IS NOT DISTINCT FROM (
                r.client_id, r.contact_id, r.party_id, r.party_name, r.employee_id, r.employee_name, r.extension,
                r.score, r.share, r.is_responsible, r.reason
            )
    )
