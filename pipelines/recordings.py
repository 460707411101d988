"""Where the recordings of the configured telephony servers are, out of the settings."""

from __future__ import annotations

from assets.history.recorded import RecordingRules
from pipelines.settings import Settings
from pipelines.systems import AnySource, HttpSourceSettings, MikoPbxRestSettings
from resources.telephony.recordings import FolderShelf, RecordingShelf


def recording_rules(source: AnySource, settings: Settings) -> RecordingRules:
    """Return what is known of a server's recordings."""
    zone = source.timezone or settings.timezone
    return RecordingRules(
        folder=FolderShelf(source.recordings_folder, zone) if source.recordings_folder else None,
        names_what_exists=isinstance(source, MikoPbxRestSettings),
        is_expected=source.records_every_talk,
        source_zone=zone,
    )


def recording_shelf(source: AnySource, settings: Settings) -> RecordingShelf | None:
    """Return where a server's recordings are played from; None where nobody told."""
    if source.recordings_folder:
        return FolderShelf(source.recordings_folder, source.timezone or settings.timezone)
    if not isinstance(source, HttpSourceSettings):
        return None
    # Only the gateway asks for files; a run has no use for an HTTP client it does not need.
    from resources.telephony.pbx_recordings import PbxAddress, RestShelf, ViewShelf

    key = source.api_key.get_secret_value() if isinstance(source, MikoPbxRestSettings) else ""
    address = PbxAddress(source.url, key, source.ca_file, source.verify_tls)
    return RestShelf(address) if key else ViewShelf(address)
