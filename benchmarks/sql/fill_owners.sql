-- Every second number is a client's; every tenth of these clients has an owner in the CRM.
WITH numbers AS (
    SELECT number, national_number, row_number() OVER (ORDER BY number) AS n FROM number_forms
), parties AS (
    INSERT INTO crm_parties (party_id, source, name, kind, responsible_id)
    SELECT
        'party-' || n, 'bench', 'Party ' || n, 'company',
        CASE WHEN n % 20 = 0 THEN 'employee-' || (200 + n % 25) END
    FROM numbers
    WHERE n % 2 = 0
)
INSERT INTO number_owners (number, national_number, party_id, contact_id, rung, ambiguous, candidates)
SELECT number, national_number, 'party-' || n, '', 'exact', false, ARRAY['party-' || n]
FROM numbers
WHERE n % 2 = 0
