// The published verifier of Standard Webhooks for JavaScript accepts each delivery, and refuses everything else.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { Webhook, WebhookVerificationError } from "standardwebhooks";

interface Delivery {
    headers: Record<string, string>;
    body: string;
    secrets: string[];
}

function refused(secret: string, body: string, headers: Record<string, string>, what: string): void {
    assert.throws(() => new Webhook(secret).verify(body, headers), WebhookVerificationError, `accepted: ${what}`);
}

function check({ headers, body, secrets }: Delivery, foreign: string): void {
    for (const secret of secrets) {
        const event = new Webhook(secret).verify(body, headers) as { type: string };
        assert.deepEqual(event, JSON.parse(body));
        assert(["file.succeeded", "file.failed"].includes(event.type), event.type);
        for (let place = 0; place < body.length; place++) {
            const changed = body.slice(0, place) + String.fromCharCode(body.charCodeAt(place) ^ 1) + body.slice(place + 1);
            refused(secret, changed, headers, `a changed byte at ${place}`);
        }
        refused(secret, body, { ...headers, "webhook-id": "another" }, "another id");
        const old = new Date(Date.now() - 600_000);
        const oldHeaders = { ...headers, "webhook-timestamp": String(Math.floor(old.getTime() / 1000)) };
        refused(secret, body, oldHeaders, "an old timestamp");
        const signature = new Webhook(secret).sign(headers["webhook-id"], old, body);
        refused(secret, body, { ...oldHeaders, "webhook-signature": signature }, "a replay, rightly signed");
    }
    refused(foreign, body, headers, "a foreign secret");
}

const { received, foreign } = JSON.parse(await readFile(process.env.FILES_RECEIVED as string, "utf8")) as {
    received: Delivery[];
    foreign: string;
};
for (const delivery of received) {
    check(delivery, foreign);
}
assert.equal(received.length, 6);
