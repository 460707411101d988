-- A wall clock shows one hour twice when summer time ends; PostgreSQL then takes the second. The first is
-- right where it does not lie before something known to be earlier, as a channel's birth.
-- (What is hardly ever so is asked first: the rest, `not_before` included, is then not even worked out.)
CREATE OR REPLACE FUNCTION switchboard.instant_of(local timestamp, zone text, not_before timestamptz)
RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN (local AT TIME ZONE zone - interval '1 hour') AT TIME ZONE zone = local
            AND local AT TIME ZONE zone > not_before + interval '20 minutes'
            AND local AT TIME ZONE zone - interval '1 hour' >= not_before - interval '2 seconds'
        THEN local AT TIME ZONE zone - interval '1 hour'
        ELSE local AT TIME ZONE zone
    END
$$
