-- The answer to a number, now or at a moment.
SELECT
    number, client_id, party_id, client_name, contact_name, is_known, employee_id, employee_name, extension, reason,
    instead_of, ranked, unavailable, greeting, ending, version, built_at, verified_at, is_stale, age_seconds,
    interception
FROM switchboard.route(%(number)s, coalesce(CAST(%(at)s AS timestamptz), now()))
