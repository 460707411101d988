-- After a break: end the legs that we hold as living and that the server no longer has.
--   pbx        the telephony server
--   told_by    the event channel
--   zone       the business zone
--   calls      linkedids of the calls that live
--   legs       of the legs that live; NULL where the channel cannot tell
--   asked_at   when the server was asked
-- Only for whoever has taken in nothing since: all that we hold came before.
-- Returns how many legs were ended.
CREATE FUNCTION switchboard.close_missing_legs(
    pbx text, told_by text, zone text, calls text[], legs text[], asked_at timestamptz
) RETURNS bigint LANGUAGE sql AS $$
    SELECT switchboard.store_call_events(pbx, told_by, zone, coalesce(jsonb_agg(jsonb_build_object(
        'kind', 'ended', 'linkedid', l.linkedid, 'leg_id', l.leg_id, 'extension', l.extension,
        'direction', l.direction, 'number', l.number, 'client_number', l.client_number, 'did', l.did,
        'received_at', asked_at, 'is_inferred', true
    )), '[]'))
    FROM switchboard.live_legs AS l
    WHERE l.pbx_id = pbx AND l.ended_at IS NULL
        AND (l.linkedid <> ALL (calls) OR l.leg_id <> ALL (legs))
$$
