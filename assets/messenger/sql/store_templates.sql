-- Templates as the provider lists them now; those it lists no more are gone.
--   templates  [{name, language, category, body, variables, status}]
WITH listed AS (
    SELECT DISTINCT ON (name, language) *
    FROM jsonb_to_recordset(CAST(:templates AS jsonb)) AS t (
        name text, language text, category text, body text, variables integer, status text
    )
    WHERE name <> ''
), gone AS (
    DELETE FROM messenger_templates AS m
    WHERE m.account = :account AND (m.name, m.language) NOT IN (SELECT name, language FROM listed)
)
INSERT INTO messenger_templates (account, name, language, category, body, variables, status)
SELECT :account, name, language, category, body, variables, status
FROM listed
ON CONFLICT (account, name, language) DO UPDATE SET
    category = excluded.category, body = excluded.body, variables = excluded.variables, status = excluded.status,
    seen_at = now()
