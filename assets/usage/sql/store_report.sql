INSERT INTO usage_metrics (document, refused_because, built_at)
VALUES (:document, :refused_because, now())
RETURNING report_id
