-- Numbers of a party: those of its own card, of its counterparties, and of the contact persons under any of them.
-- A number that stands on several of its cards is one, as the party's own card has it.
WITH members AS (
    SELECT p.party_id, c.ref, c.phones, c.phones_since
    FROM staged_parties AS p
    JOIN crm_cards AS c
        ON c.source = :source AND c.party_id = p.party_id AND c.kind = 'party' AND c.gone_at IS NULL
            AND NOT c.is_deleted
), cards AS (
    SELECT party_id, '' AS contact_id, '' AS contact_name, ref, phones, phones_since FROM members
    UNION ALL
    SELECT m.party_id, c.ref, c.name, c.ref, c.phones, c.phones_since
    FROM members AS m
    JOIN crm_cards AS c
        ON c.source = :source AND c.party_id = m.ref AND c.kind = 'contact' AND c.gone_at IS NULL
            AND NOT c.is_deleted
), numbers AS (
    SELECT DISTINCT ON (c.party_id, c.contact_id, n.raw) c.party_id, c.contact_id, c.contact_name, n.raw, n.since
    FROM cards AS c
    CROSS JOIN LATERAL unnest(c.phones, c.phones_since) WITH ORDINALITY AS n(raw, since, place)
    ORDER BY c.party_id, c.contact_id, n.raw, c.ref <> c.party_id, c.ref, n.place
), refused AS (
    INSERT INTO refused_contacts (reason, raw, key)
    SELECT format('a number of more than %s characters', CAST(:longest_raw AS integer)), raw, ''
    FROM numbers
    WHERE length(raw) > :longest_raw
)
INSERT INTO staged_phones (party_id, contact_id, contact_name, raw, valid_from, valid_to)
SELECT party_id, contact_id, contact_name, raw, coalesce(to_char(since, 'YYYY-MM-DD'), ''), ''
FROM numbers
WHERE length(raw) <= :longest_raw
