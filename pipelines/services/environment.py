"""What every service is told besides the settings that it reads itself."""

from __future__ import annotations

from sqlalchemy import make_url

from pipelines.settings import Settings, SettingsError


def service_environment(settings: Settings) -> dict[str, str]:
    """Return the environment of services that work with these settings.

    Raises:
        SettingsError: no warehouse is known.
    """
    if settings.database_url is None:
        raise SettingsError(
            "No warehouse is known: set SWITCHBOARD_DATABASE_URL. Only 'switchboard up' and 'demo' bring a PostgreSQL."
        )
    dagster_url = settings.dagster_database_url
    if dagster_url is None:
        # On somebody's own server Dagster's tables get a database beside ours.
        url = make_url(settings.database_url.get_secret_value()).set(database="dagster")
    else:
        url = make_url(dagster_url.get_secret_value())
    return {
        "SWITCHBOARD_HOME": str(settings.home.resolve()),
        "SWITCHBOARD_DATABASE_URL": settings.database_url.get_secret_value(),
        "SWITCHBOARD_DAGSTER_URL": url.set(drivername="postgresql+psycopg2").render_as_string(hide_password=False),
        # A backfill goes on when the code server is back, instead of failing for good because it was away.
        "DAGSTER_BACKFILL_RETRY_DEFINITION_CHANGED_ERROR": "1",
    }
