-- The answer to a number, now or at a moment, and whether its names may be told.
SELECT
    number, client_id, party_id, client_name, contact_name, is_known, employee_id, employee_name, extension, reason,
    instead_of, ranked, unavailable, greeting, ending, version, built_at, verified_at, is_stale, age_seconds,
    interception,
    coalesce((SELECT s.is_on FROM switchboard.switches AS s WHERE s.name = 'contact_exchange'), true) AS is_exchange_on
FROM switchboard.route(%(number)s, coalesce(CAST(%(at)s AS timestamptz), now()))
