"""Where the recordings of the configured telephony servers are, out of the settings."""

from __future__ import annotations

from assets.history.recorded import RecordingRules
from pipelines.settings import Settings
from pipelines.systems import AnySource, HttpSourceSettings, MikoPbxRestSettings
from resources.telephony.recordings import FolderShelf, RecordingShelf


def recording_rules(source: AnySource, settings: Settings) -> RecordingRules:
    """Return what is known of a server's recordings."""
    return RecordingRules(
        folder=_folder(source, settings),
        names_what_exists=isinstance(source, MikoPbxRestSettings),
        is_expected=source.records_every_talk,
    )


def recording_shelf(source: AnySource, settings: Settings) -> RecordingShelf | None:
    """Return where a server's recordings are played from; None where nobody told."""
    if folder := _folder(source, settings):
        return folder
    if not isinstance(source, HttpSourceSettings):
        return None
    # Only the gateway asks for files; a run has no use for an HTTP client it does not need.
    from resources.telephony.pbx_recordings import PbxAddress, RestShelf, ViewShelf

    key = source.api_key.get_secret_value() if isinstance(source, MikoPbxRestSettings) else ""
    address = PbxAddress(source.url, key, source.ca_file, source.verify_tls)
    return RestShelf(address) if key else ViewShelf(address)


def _folder(source: AnySource, settings: Settings) -> FolderShelf | None:
    folder = source.recordings_folder
    return FolderShelf(folder, source.timezone or settings.timezone) if folder else None
