-- The newest version, if its publication was stopped.
SELECT p.version, p.decided_at, p.reason
FROM routing_publications AS p
WHERE p.decision = 'stopped' AND p.version = (SELECT max(v.version) FROM routing_versions AS v)
    AND NOT EXISTS (
        SELECT FROM routing_publications AS later
        WHERE later.version = p.version AND later.publication_id > p.publication_id
    )
