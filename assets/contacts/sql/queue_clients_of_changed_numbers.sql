-- Whoever had a changed number or has it now, and whoever called from it before it had an owner.
INSERT INTO changed_clients (client_id)
SELECT unnest(candidates) FROM number_owners WHERE number IN (SELECT number FROM changed_numbers)
UNION
SELECT unnest(candidates) FROM wanted_owners WHERE number IN (SELECT number FROM changed_numbers)
UNION
SELECT 'tel:' || number FROM changed_numbers
ORDER BY 1
