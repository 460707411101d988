-- The answer to a number, now or at a moment.
SELECT * FROM switchboard.route(%(number)s, coalesce(CAST(%(at)s AS timestamptz), now()))
