-- What stands in a phone call by our doing; an empty contact says that somebody else's choice stands there.
INSERT INTO written_links (source, document_id, contact_set, contact_ref)
VALUES (:source, :document_id, :contact_set, :contact_ref)
ON CONFLICT (source, document_id) DO UPDATE SET
    contact_set = excluded.contact_set, contact_ref = excluded.contact_ref, written_at = now()
