"""The allow-list of a usage report: every key and every value it may have; anything else is refused.

No text of a user's can stand in it: each value is one of a list, a bucket, or a version. `python -m assets.usage.schema
> docs/usage-metrics.schema.json` publishes it.
"""

from __future__ import annotations

import json
import sys
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Version = Annotated[str, Field(pattern=r"^(unknown|\d{1,4}(\.\d{1,5}){0,3})$")]
Bucket = Literal["0", "1-9", "10-99", "100-999", "1000-9999", "10000-99999", "100000-999999", "1000000+"]
Age = Literal["day", "week", "older", "never"]
PbxKind = Literal["mikopbx_rest", "mikopbx_get_data", "miko_history", "asterisk_sql", "asterisk_csv"]
CrmKind = Literal["onec", "sql"]
CrmConfiguration = Literal["unknown", "other", "УТ", "УНФ", "ERP", "КА", "БП", "CRM", "Розница", "УПП"]
MessengerKind = Literal["whatsapp"]
Job = Literal[
    "call_history_load",
    "call_history_reread",
    "contact_changes",
    "contact_owners_3_months",
    "contact_owners_5_days",
    "housekeeping",
    "messenger_media",
    "nightly_quality",
    "routing_table_update",
    "usage_report",
]

_EDGES: tuple[tuple[int, Bucket], ...] = (
    (0, "0"),
    (9, "1-9"),
    (99, "10-99"),
    (999, "100-999"),
    (9_999, "1000-9999"),
    (99_999, "10000-99999"),
    (999_999, "100000-999999"),
)


def bucket_of(amount: int) -> Bucket:
    """Return the bucket of an amount."""
    return next((bucket for edge, bucket in _EDGES if amount <= edge), "1000000+")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Pbx(_Part):
    """A telephony server."""

    kind: PbxKind
    version: Version


class Crm(_Part):
    """A CRM."""

    kind: CrmKind
    configuration: CrmConfiguration
    version: Version


class Messenger(_Part):
    """A number at a messenger."""

    kind: MessengerKind


class Counts(_Part):
    """How many there are, in buckets."""

    calls: Bucket
    legs: Bucket
    clients: Bucket
    numbers: Bucket
    employees: Bucket
    pins: Bucket
    assignments: Bucket
    messages: Bucket
    chats: Bucket
    quarantined: Bucket


class JobHealth(_Part):
    """How a job went in the last seven days."""

    job: Job
    succeeded: Bucket
    failed: Bucket
    last_success: Age


class UsageReport(_Part):
    """All that is ever told."""

    schema_version: Literal[1] = 1
    switchboard: Version
    pbxs: list[Pbx] = Field(max_length=50)
    crms: list[Crm] = Field(max_length=50)
    messengers: list[Messenger] = Field(max_length=50)
    dial_plans: list[Annotated[int, Field(ge=1, le=999)]] = Field(max_length=20)
    counts: Counts
    jobs: list[JobHealth] = Field(max_length=20)


def schema_text() -> str:
    """Return the schema as JSON Schema."""
    return json.dumps(UsageReport.model_json_schema(), ensure_ascii=False, indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema_text())
