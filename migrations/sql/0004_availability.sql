-- Every employee at a moment: the internal number they hold, and why they cannot be offered to a caller.
--   at    the moment
--   zone  the business zone: days and hours are in it
-- `unavailable` is NULL for whoever can, else not_employed, excluded, absent, holiday or off_hours;
-- `unavailable_until` is known for absences and exclusions.
CREATE FUNCTION switchboard.availability(at timestamptz, zone text)
RETURNS TABLE (
    employee_id text, name text, department text, extension text, unavailable text, unavailable_until timestamptz
) LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT
        e.employee_id, e.name, e.department, held.extension,
        CASE
            WHEN e.gone_at IS NOT NULL OR e.employed_from > clock.today OR e.employed_until < clock.today
                THEN 'not_employed'
            WHEN excluded.is_excluded THEN 'excluded'
            WHEN absent.is_absent THEN 'absent'
            WHEN hours.is_open OR (hours.is_open IS NULL AND NOT clock.is_holiday) THEN NULL
            WHEN clock.is_holiday THEN 'holiday'
            ELSE 'off_hours'
        END,
        CASE
            WHEN e.gone_at IS NOT NULL OR e.employed_from > clock.today OR e.employed_until < clock.today THEN NULL
            WHEN excluded.is_excluded THEN excluded.until_at
            ELSE absent.until_at
        END
    FROM switchboard.crm_employees AS e
    CROSS JOIN LATERAL (
        SELECT
            CAST(at AT TIME ZONE zone AS date) AS today,
            CAST(at AT TIME ZONE zone AS time) AS now,
            coalesce(h.works_as IS NULL AND h.day IS NOT NULL, false) AS is_holiday,
            CASE
                WHEN h.day IS NULL THEN CAST(extract(isodow FROM at AT TIME ZONE zone) AS integer)
                ELSE coalesce(h.works_as, 0)
            END AS weekday,
            CASE
                WHEN y.day IS NULL THEN CAST(extract(isodow FROM at AT TIME ZONE zone - interval '1 day') AS integer)
                ELSE coalesce(y.works_as, 0)
            END AS weekday_before
        FROM (SELECT CAST(at AT TIME ZONE zone AS date) AS today) AS this
        LEFT JOIN switchboard.holidays AS h ON h.day = this.today
        LEFT JOIN switchboard.holidays AS y ON y.day = this.today - 1
        -- Worked out once: without it each comparison below would convert the moment anew.
        OFFSET 0
    ) AS clock
    LEFT JOIN LATERAL (
        SELECT min(x.extension) AS extension
        FROM switchboard.employee_extensions AS x
        WHERE x.employee_id = e.employee_id
            AND (x.valid_from IS NULL OR x.valid_from <= clock.today)
            AND (x.valid_to IS NULL OR x.valid_to > clock.today)
    ) AS held ON true
    LEFT JOIN LATERAL (
        SELECT true AS is_excluded, nullif(max(coalesce(x.excluded_to, 'infinity')), 'infinity') AS until_at
        FROM switchboard.routing_exclusions AS x
        WHERE x.employee_id = e.employee_id
            AND (x.excluded_from IS NULL OR x.excluded_from <= at)
            AND (x.excluded_to IS NULL OR x.excluded_to > at)
        HAVING count(*) > 0
    ) AS excluded ON true
    LEFT JOIN LATERAL (
        SELECT true AS is_absent, nullif(max(coalesce(a.absent_to, 'infinity')), 'infinity') AS until_at
        FROM switchboard.employee_absences AS a
        WHERE a.employee_id = e.employee_id AND a.absent_from <= at AND (a.absent_to IS NULL OR a.absent_to > at)
        HAVING count(*) > 0
    ) AS absent ON true
    LEFT JOIN LATERAL (
        -- An employee's own hours, else the department's, else everybody's. Hours that end before they start
        -- reach into the next day.
        SELECT
            bool_or(
                (w.weekday = clock.weekday AND w.starts_at <= clock.now
                    AND (clock.now < w.ends_at OR w.ends_at <= w.starts_at))
                OR (w.weekday = clock.weekday_before AND w.ends_at <= w.starts_at AND clock.now < w.ends_at)
            ) AS is_open
        FROM switchboard.working_hours AS w
        WHERE (w.employee_id = e.employee_id OR (
                w.employee_id = '' AND (w.department = '' OR w.department = e.department)
            ))
            AND (w.valid_from IS NULL OR w.valid_from <= clock.today)
            AND (w.valid_to IS NULL OR w.valid_to > clock.today)
        GROUP BY CASE WHEN w.employee_id <> '' THEN 1 WHEN w.department <> '' THEN 2 ELSE 3 END
        ORDER BY CASE WHEN w.employee_id <> '' THEN 1 WHEN w.department <> '' THEN 2 ELSE 3 END
        LIMIT 1
    ) AS hours ON true
$$
