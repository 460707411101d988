-- Legs the source still has; also those whose row cannot be taken, so that they are not held for gone.
INSERT INTO seen_legs (leg_id, ended_at)
SELECT leg_id, ended_at FROM mapped_legs WHERE leg_id IS NOT NULL
