-- The numbers the live routing table knows, each with its answer of this moment.
CREATE VIEW switchboard.routing_answers AS
SELECT r.*
FROM (
    SELECT DISTINCT t.number
    FROM switchboard.published_routing AS live
    JOIN switchboard.routing_table AS t
        ON t.version <= live.version AND (t.until_version IS NULL OR t.until_version > live.version)
) AS known
CROSS JOIN LATERAL switchboard.route(known.number, now()) AS r;

COMMENT ON VIEW switchboard.routing_answers IS 'The answer of this moment for each number of the live routing table.';

-- What the voice menu of each of these numbers says at this moment.
CREATE VIEW switchboard.voice_menus AS
SELECT
    a.number, a.client_name, a.version, a.is_stale, a.greeting,
    ARRAY (
        SELECT w.who ->> 'phrase'
        FROM jsonb_array_elements(a.ranked) WITH ORDINALITY AS w(who, place)
        ORDER BY w.place
    ) AS phrases,
    a.ending,
    ARRAY (
        SELECT w.who ->> 'extension'
        FROM jsonb_array_elements(a.ranked) WITH ORDINALITY AS w(who, place)
        ORDER BY w.place
    ) AS extensions
FROM switchboard.routing_answers AS a;

COMMENT ON VIEW switchboard.voice_menus IS 'What the voice menu says to each number of the live routing table now.'
