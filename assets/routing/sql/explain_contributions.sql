-- Every piece of evidence of a client with what it contributes to a score of this number, as the ranking counts it:
-- see rank_employees. The contributions of an employee sum to their score.
--   client_id, contact_id  whose number it is
WITH at_work AS (
    SELECT a.employee_id
    FROM availability(now(), :business_zone) AS a
    WHERE a.unavailable IS NULL OR a.unavailable NOT IN ('not_employed', 'excluded')
), evidence AS (
    SELECT
        i.*,
        i.weight * power(2::double precision, extract(epoch FROM i.at - max(i.at) OVER ())::double precision
            / :half_life_seconds) AS decayed
    FROM tracked_interactions AS i
    WHERE i.client_id = :client_id AND i.weight > 0 AND (i.valid_until IS NULL OR i.valid_until > now())
), totals AS (
    SELECT
        coalesce(sum(e.decayed), 0) AS of_client,
        coalesce(sum(e.decayed) FILTER (WHERE e.contact_id = :contact_id), 0) AS of_contact
    FROM evidence AS e
    JOIN at_work USING (employee_id)
)
SELECT
    e.employee_id, e.kind, e.source, e.source_key, e.at, e.direction, e.role, e.talk_seconds, e.number, e.weight,
    e.decayed / e.weight AS decay,
    e.decayed * CASE
        WHEN :contact_id = '' THEN 1
        WHEN e.contact_id = :contact_id THEN (t.of_client + :shrinkage) / (t.of_contact + :shrinkage)
        ELSE :shrinkage / (t.of_contact + :shrinkage)
    END AS contribution
FROM evidence AS e
CROSS JOIN totals AS t
ORDER BY e.at DESC, e.kind, e.source, e.source_key, e.employee_id
