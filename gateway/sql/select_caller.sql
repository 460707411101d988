-- Whose a number is now, and whether names may be told: always one row.
SELECT
    o.party_id, o.party_name AS client_name, o.contact_name, coalesce(s.is_on, true) AS is_exchange_on,
    coalesce(s.reason, '') AS switch_reason
FROM (VALUES (1)) AS always(one)
LEFT JOIN switchboard.switches AS s ON s.name = 'contact_exchange'
LEFT JOIN LATERAL switchboard.owner_shown(%(number)s) AS o ON o.party_name IS NOT NULL
