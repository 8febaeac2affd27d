// Events, as the published verifier of Standard Webhooks accepts and refuses them.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { Webhook, WebhookVerificationError } from "standardwebhooks";

interface Received {
    headers: IncomingHttpHeaders;
    body: string;
}

const { FILES_ORIGIN, FILES_API_KEY, FILES_VIDEO } = process.env as Record<string, string>;
const received: Received[] = [];
let arrived: () => void = () => {};
const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
        received.push({ headers: request.headers, body });
        response.writeHead(204).end();
        arrived();
    });
});
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;

async function call(path: string, init: RequestInit): Promise<Record<string, string>> {
    const response = await fetch(`${FILES_ORIGIN}${path}`, { ...init, headers: { ...init.headers, "X-API-KEY": FILES_API_KEY } });
    const text = await response.text();
    assert(response.ok, text);
    return text ? JSON.parse(text) : {};
}

const json = { "Content-Type": "application/json" };
const endpoint = await call("/v1/webhook-endpoints", { method: "POST", headers: json, body: JSON.stringify({ url }) });
const event = new Promise<void>((resolve) => (arrived = resolve));
const form = new FormData();
form.set("file", new Blob([await readFile(FILES_VIDEO)], { type: "video/mp4" }), "hook.mp4");
const file = await call("/v1/files", { method: "POST", body: form });
await event;

const { headers, body } = received[0];
const signed = {
    "webhook-id": String(headers["webhook-id"]),
    "webhook-timestamp": String(headers["webhook-timestamp"]),
    "webhook-signature": String(headers["webhook-signature"]),
};
const verified = new Webhook(endpoint.secret).verify(body, signed) as { type: string; data: { id: string; status: string } };
assert.equal(verified.type, "file.succeeded");
assert.deepEqual([verified.data.id, verified.data.status], [file.id, "success"]);

const refused = (secret: string, body: string, headers: Record<string, string>): void => {
    assert.throws(() => new Webhook(secret).verify(body, headers), WebhookVerificationError);
};
refused(endpoint.secret, body.replace("success", "succesS"), signed);
refused("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", body, signed);
refused(endpoint.secret, body, { ...signed, "webhook-timestamp": String(Number(signed["webhook-timestamp"]) - 600) });
await call(`/v1/webhook-endpoints/${endpoint.id}`, { method: "DELETE" });
server.close();
server.closeAllConnections();
