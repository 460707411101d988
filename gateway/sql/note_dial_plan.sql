INSERT INTO switchboard.told_dial_plans (version) VALUES (%(version)s)
ON CONFLICT (version) DO UPDATE SET told_at = now()
