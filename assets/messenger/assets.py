"""Assets `messages`, `chats` and `message_media`."""

import dagster as dg

from assets.calendar import CallDays
from assets.describe import ROWS, columns_of, count_rows
from assets.failures import told_plainly
from assets.messenger.media import fetch_due
from assets.platform import Platform
from resources.warehouse.tables import chats as chats_table
from resources.warehouse.tables import message_media as media_table
from resources.warehouse.tables import messages as messages_table

GROUP = "messenger"


def make_assets(_call_days: CallDays) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """Define the assets of this family."""
    messages = dg.AssetSpec(
        "messages",
        group_name=GROUP,
        kinds={"postgres"},
        owners=["team:telephony"],
        metadata=columns_of(messages_table),
        description=(
            "Messages of messengers, one row for each id of the provider; statuses, edits and reactions stand beside "
            "them as versions. Incoming ones come by webhook at once, outgoing ones are sent by the sensor "
            "`messenger_sync`, which reports here.\n\nСообщения мессенджеров."
        ),
    )
    chats = dg.AssetSpec(
        "chats",
        deps=["messages", "crm_employees"],
        group_name=GROUP,
        kinds={"postgres"},
        owners=["team:telephony"],
        metadata=columns_of(chats_table),
        description=(
            "Conversations with clients: in the queue, in work, closed; whose they are, and to whom they are offered."
            "\n\nЧаты мессенджеров."
        ),
    )

    @dg.asset(
        group_name=GROUP,
        kinds={"postgres"},
        owners=["team:telephony"],
        deps=["messages"],
        metadata=columns_of(media_table),
        description=(
            "Files of messages: fetched before the provider forgets them, kept under the hash of their bytes, tried "
            "again with growing pauses.\n\nФайлы сообщений."
        ),
    )
    @told_plainly
    def message_media(
        context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.MaterializeResult[None]:
        outcomes = fetch_due(platform.warehouse, platform.messengers)
        context.log.info("Files kept: %d, gone: %d, put off: %d", *(outcomes[key] for key in OUTCOMES))
        with platform.warehouse.transaction() as connection:
            files = count_rows(connection, media_table)
        return dg.MaterializeResult(metadata={ROWS: files} | {key: outcomes[key] for key in OUTCOMES})

    return [messages, chats, message_media]


OUTCOMES = ("kept", "gone", "put off")
