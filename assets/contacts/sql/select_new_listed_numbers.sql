-- Numbers of a list that were never parsed in this region; those of refused rows too, for they stay listed.
SELECT s.raw
FROM (SELECT raw FROM staged_listed UNION SELECT key FROM refused_contacts WHERE key <> '') AS s
WHERE NOT EXISTS (SELECT FROM number_forms AS f WHERE f.raw = s.raw AND f.region = :region)
