-- Documents that name no client but one of these numbers: whose evidence they are is to be looked at again.
INSERT INTO changed_documents (source, entity_set, document_id)
SELECT source, entity_set, document_id
FROM crm_interactions
WHERE party_id = '' AND number IN (SELECT number FROM changed_numbers)
