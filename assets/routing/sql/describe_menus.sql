-- What the voice menus look like at this moment.
SELECT
    count(*) AS numbers,
    count(*) FILTER (WHERE cardinality(extensions) > 0) AS with_names,
    coalesce(avg(cardinality(extensions)), 0)::double precision AS names_per_menu,
    coalesce(bool_or(is_stale), true) AS is_stale
FROM voice_menus
