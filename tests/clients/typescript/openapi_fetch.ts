// The main job with types of openapi-typescript and requests of openapi-fetch.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

type FileDetail = components["schemas"]["FileDetail"];

const { FILES_ORIGIN, FILES_API_KEY, FILES_VIDEO, FILES_SOURCE } = process.env as Record<string, string>;
const client = createClient<paths>({ baseUrl: FILES_ORIGIN, headers: { "X-API-KEY": FILES_API_KEY } });
const video = await readFile(FILES_VIDEO);

async function waitFor(id: string): Promise<FileDetail> {
    const deadline = Date.now() + 60_000;
    while (Date.now() < deadline) {
        const { data, error } = await client.GET("/v1/files/{id}", { params: { path: { id } } });
        assert(data, JSON.stringify(error));
        if (data.status === "success" || data.status === "failed") return data;
        await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`${id} is not done`);
}

// A form. The body is typed; FormData carries the bytes.
const form = await client.POST("/v1/files", {
    headers: { "Content-Type": null },
    body: { file: "", metadata: { project: "trailer" } } satisfies components["schemas"]["CreateForm"] as never,
    bodySerializer() {
        const data = new FormData();
        data.set("file", new Blob([video], { type: "video/mp4" }), "form.mp4");
        data.set("metadata", JSON.stringify({ project: "trailer" }));
        return data;
    },
});
assert(form.data, JSON.stringify(form.error));
const uploaded = await waitFor(form.data.id);
assert.equal(uploaded.status, "success");
assert.equal(uploaded.metadata.project, "trailer");
assert.equal(uploaded.ffprobe?.width, 320);

// An import.
const imported = await client.POST("/v1/files", { body: { file_url: FILES_SOURCE } });
assert(imported.data, JSON.stringify(imported.error));
assert.equal(imported.response.status, 202);
assert.equal((await waitFor(imported.data.id)).size, video.length);

// A presigned PUT.
const presigned = await client.POST("/v1/files", { body: { name: "put.mp4", size: video.length } });
assert(presigned.data?.upload && "method" in presigned.data.upload, JSON.stringify(presigned));
const { url, headers, method } = presigned.data.upload;
assert.equal((await fetch(url, { method, headers, body: video })).status, 200);
assert.equal((await waitFor(presigned.data.id)).ffprobe?.format_name, "mov,mp4,m4a,3gp,3g2,mj2");

// A list, page by page.
const names: string[] = [];
let cursor: string | undefined;
do {
    const page = await client.GET("/v1/files", { params: { query: { limit: 2, order: "asc", cursor } } });
    assert(page.data, JSON.stringify(page.error));
    names.push(...page.data.files.map((file) => file.name));
    cursor = page.data.next_cursor ?? undefined;
} while (cursor);
assert.deepEqual(names, ["form.mp4", "clip.mp4", "put.mp4"]);

// A download by its presigned URL, and the removal of all.
const path = { id: uploaded.id, filename: uploaded.name };
const download = await client.GET("/v1/files/{id}/{filename}", { params: { path, query: { redirect: false } } });
assert(download.data, JSON.stringify(download.error));
assert(video.equals(Buffer.from(await (await fetch(download.data.url)).arrayBuffer())));
for (const id of [uploaded.id, imported.data.id, presigned.data.id]) {
    assert.equal((await client.DELETE("/v1/files/{id}", { params: { path: { id } } })).response.status, 204);
}
const gone = await client.GET("/v1/files/{id}", { params: { path: { id: uploaded.id } } });
assert(gone.error && "reason" in gone.error && gone.error.reason === "not_found");
