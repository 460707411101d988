-- What is kept of business days that are about to be replayed, and of their calls wherever these stand.
DELETE FROM routing_backtest AS b
WHERE b.call_day BETWEEN :first_day AND :last_day
    OR EXISTS (
        SELECT FROM tracked_interactions AS i
        WHERE i.kind = 'call' AND i.source = b.pbx_id AND i.source_key = b.linkedid
            AND i.interaction_day BETWEEN :first_day AND :last_day
    )
