-- One page of Asterisk CDR rows, read from its SQL table, into staging.
INSERT INTO staged_asterisk (
    raw, accountcode, src, dst, dcontext, clid, channel, dstchannel, lastapp, lastdata, start,
    answer, "end", duration, billsec, disposition, amaflags, uniqueid, userfield, peeraccount, linkedid,
    sequence, did, recordingfile
)
SELECT
    record.value, r.accountcode, r.src, r.dst, r.dcontext, r.clid, r.channel, r.dstchannel,
    r.lastapp, r.lastdata, r.start, r.answer, r."end", r.duration, r.billsec, r.disposition, r.amaflags,
    r.uniqueid, r.userfield, r.peeraccount, r.linkedid, r.sequence, r.did, r.recordingfile
FROM jsonb_array_elements(CAST(:page AS jsonb)) WITH ORDINALITY AS record
CROSS JOIN LATERAL jsonb_to_record(record.value) AS r(
    accountcode text, src text, dst text, dcontext text, clid text, channel text, dstchannel text,
    lastapp text, lastdata text, start text, answer text, "end" text, duration text, billsec text,
    disposition text, amaflags text, uniqueid text, userfield text, peeraccount text, linkedid text,
    sequence text, did text, recordingfile text
)
ORDER BY record.ordinality
