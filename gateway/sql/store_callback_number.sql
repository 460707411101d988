-- The number at which a PBX's voice menu is reached; the last word counts.
INSERT INTO switchboard.callback_numbers (source, number, told_at)
VALUES (%(source)s, %(number)s, now())
ON CONFLICT (source) DO UPDATE SET number = excluded.number, told_at = excluded.told_at
