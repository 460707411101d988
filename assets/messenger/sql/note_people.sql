-- Find or make the people of the messages; the ids of several messages may show that two are one.
--   people  see `switchboard.person_of`
SELECT count(*) FROM switchboard.people_of(CAST(:people AS jsonb))
