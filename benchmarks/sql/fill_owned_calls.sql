-- Calls with their owners: of every second number a client, named as clients are.
WITH numbers AS (
    SELECT client_number AS number, row_number() OVER (ORDER BY client_number) AS n
    FROM (SELECT DISTINCT client_number FROM call_history) AS distinct_numbers
), forms AS (
    INSERT INTO number_forms (raw, region, number, national_number, kind, is_international)
    SELECT number, 'RU', number, substr(number, 3), 'external', true FROM numbers
), named AS (
    SELECT
        number, 'party-' || n AS party_id,
        CASE n % 3 WHEN 0 THEN 'ООО «' WHEN 1 THEN 'ИП ' ELSE 'АО «' END
            || (ARRAY[
                'Ромашка', 'Василёк', 'Сириус', 'Орион', 'Восток', 'Вектор', 'Гранит', 'Маяк', 'Прогресс', 'Рассвет',
                'Альтаир', 'Заря', 'Кедр', 'Лотос', 'Меридиан', 'Нева', 'Парус', 'Радуга', 'Север', 'Титан'
            ])[1 + n % 20]
            || '-' || (ARRAY['Сервис', 'Строй', 'Торг', 'Логистика', 'Мед', 'Агро', 'Пром', 'Свет'])[1 + n / 20 % 8]
            || ' ' || n AS name
    FROM numbers
    WHERE n % 2 = 0
), parties AS (
    INSERT INTO crm_parties (party_id, source, name, kind)
    SELECT party_id, 'bench', name, 'company' FROM named
)
INSERT INTO enriched_calls (
    pbx_id, linkedid, call_day, started_at, number, party_id, candidates, number_kind, outcome
)
SELECT
    c.pbx_id, c.linkedid, c.call_day, c.started_at, c.client_number, o.party_id, '{}', 'external',
    CASE WHEN o.party_id IS NULL THEN 'unknown' ELSE 'owned' END
FROM call_history AS c
LEFT JOIN named AS o ON o.number = c.client_number
