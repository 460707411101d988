-- What an update of the routing would take in.
SELECT
    (SELECT count(*) FROM (SELECT DISTINCT pbx_id, linkedid FROM changed_calls) AS waiting) AS calls,
    (SELECT count(*) FROM (SELECT DISTINCT source, entity_set, document_id FROM changed_documents) AS waiting)
        AS documents,
    (SELECT count(DISTINCT client_id) FROM changed_clients) AS clients
