-- Which of these texts are names of people and clients known here.
SELECT lower(name) AS name FROM crm_parties WHERE lower(name) = ANY(:texts)
UNION
SELECT lower(name) FROM crm_employees WHERE lower(name) = ANY(:texts)
UNION
SELECT lower(contact_name) FROM crm_phones WHERE lower(contact_name) = ANY(:texts)
UNION
SELECT lower(name) FROM messenger_people WHERE lower(name) = ANY(:texts)
