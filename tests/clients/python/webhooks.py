"""The published verifier of Standard Webhooks for Python accepts each delivery, and refuses everything else."""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from standardwebhooks.webhooks import Webhook, WebhookVerificationError


def refused(secret, body, headers, what):
    try:
        Webhook(secret).verify(body, headers)
    except WebhookVerificationError:
        return
    raise AssertionError(f"accepted: {what}")


def check(delivery, foreign):
    body, headers = delivery["body"], delivery["headers"]
    for secret in delivery["secrets"]:
        event = Webhook(secret).verify(body.encode(), headers)
        assert event == json.loads(body) and event["type"] in ("file.succeeded", "file.failed"), event
        for place, character in enumerate(body):
            changed = body[:place] + chr(ord(character) ^ 1) + body[place + 1:]
            refused(secret, changed, headers, f"a changed byte at {place}")
        refused(secret, body, headers | {"webhook-id": "another"}, "another id")
        old = datetime.now(UTC) - timedelta(minutes=10)
        old_headers = headers | {"webhook-timestamp": str(int(old.timestamp()))}
        refused(secret, body, old_headers, "an old timestamp")
        signature = Webhook(secret).sign(headers["webhook-id"], old, body)
        refused(secret, body, old_headers | {"webhook-signature": signature}, "a replay, rightly signed")
    refused(foreign, body, headers, "a foreign secret")


document = json.loads(Path(os.environ["FILES_RECEIVED"]).read_text())
for delivery in document["received"]:
    check(delivery, document["foreign"])
assert len(document["received"]) == 6
