-- The last ten digits of a number: the same party, whatever the notation. NULL where there is no digit.
-- (The inner translate leaves what is no digit, the outer removes it: ten times faster than a regular expression.)
CREATE FUNCTION switchboard.number_key(number text)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT nullif(right(translate(number, translate(number, '0123456789', ''), ''), 10), '')
$$
