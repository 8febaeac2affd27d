// The form of infra/docs/clients.md, in a page that is as small as the form needs: it uploads with an upload token.
import assert from "node:assert";
import { readFileSync } from "node:fs";

const { FILES_URL: api, FILES_API_KEY: key, FILES_VIDEO: video } = process.env;
const json = { "X-API-KEY": key, "Content-Type": "application/json" };
const call = async (method, path, body) =>
    (await fetch(`${api}${path}`, { method, headers: json, body: body && JSON.stringify(body) })).json();

const html = /^```html\n(.*?)^```$/ms.exec(readFileSync(process.argv[2], "utf8"))[1];
const bounds = { max_files: 1, content_types: ["video/*"], metadata: { form: "7" } };
const { token } = await call("POST", "/upload-tokens", bounds);
const script = /<script type="module">(.*)<\/script>/s.exec(html)[1];
const filled = script.replace("https://files.example/v1", api).replace("fmu_…", token);
assert(filled.includes(api) && filled.includes(token), "the page has a place for the address and the token");

const said = [];
const bytes = readFileSync(video);
const input = { files: [new File([bytes], "clip.mp4", { type: "video/mp4" })] };
const form = { querySelector: () => input };
new Function("document", "alert", filled)({ querySelector: () => form }, (text) => said.push(text));
const submit = () => form.onsubmit({ preventDefault() {}, target: form });
await submit();
await submit();
assert.deepStrictEqual(said, ["Thank you", "The upload token has created as many files as it may"]);

const { files } = await call("GET", "/files?limit=1");
const file = await call("GET", `/files/${files[0].id}`);
assert.deepStrictEqual([file.name, file.size, file.metadata], ["clip.mp4", bytes.length, { form: "7" }]);
