-- How many documents each of these days holds.
SELECT interaction_day, count(*) AS documents
FROM crm_interactions
WHERE source = :source AND interaction_day BETWEEN :first_day AND :last_day AND gone_at IS NULL
GROUP BY interaction_day
