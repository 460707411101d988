-- The answer to a number; see switchboard.route().
SELECT * FROM route(:number, :at)
