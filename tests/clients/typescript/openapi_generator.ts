// The main job with the client of openapi-generator's typescript-fetch. It sends a body of the first media type alone, so a file
// goes by a presigned PUT.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { Configuration, FilesApi, ResponseError, UploadsApi, type FileDetail } from "./client/index.js";

const { FILES_ORIGIN, FILES_API_KEY, FILES_VIDEO, FILES_SOURCE } = process.env as Record<string, string>;
const configuration = new Configuration({
    basePath: FILES_ORIGIN,
    apiKey: (name) => (name === "X-API-KEY" ? FILES_API_KEY : ""),
});
const files = new FilesApi(configuration);
const uploads = new UploadsApi(configuration);
const video = await readFile(FILES_VIDEO);

async function waitFor(id: string): Promise<FileDetail> {
    const deadline = Date.now() + 60_000;
    while (Date.now() < deadline) {
        const file = await files.getFile({ id });
        if (file.status === "success" || file.status === "failed") return file;
        await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`${id} is not done`);
}

const imported = await files.createFile({ createRequest: { fileUrl: FILES_SOURCE, metadata: { project: "trailer" } } });
const detail = await waitFor(imported.id);
assert.equal(detail.size, video.length);
assert.equal(detail.metadata.project, "trailer");
assert.equal(detail.ffprobe?.height, 180);
assert(detail.createdAt instanceof Date);

const presigned = await files.createFile({ createRequest: { name: "put.mp4", size: video.length } });
assert(presigned.upload && "method" in presigned.upload);
const signed = await uploads.signUpload({ id: presigned.id });
const { url, headers, method } = signed;
assert.equal((await fetch(url, { method, headers, body: video })).status, 200);
assert.equal((await waitFor(presigned.id)).status, "success");

const parts = await files.createFile({ createRequest: { name: "parts.mp4", size: video.length, multipart: true } });
assert(parts.upload && "partCount" in parts.upload);
const [part] = (await uploads.signParts({ id: parts.id, signPartsRequest: { partNumbers: [1] } })).parts;
assert.equal((await fetch(part.url, { method: "PUT", headers: part.headers, body: video })).status, 200);
assert.equal((await uploads.listParts({ id: parts.id })).parts[0].size, video.length);
await uploads.completeUpload({ id: parts.id });
assert.equal((await waitFor(parts.id)).status, "success");

const page = await files.listFiles({ limit: 2, order: "asc", status: "success" });
assert.deepEqual(page.files.map((file) => file.name), ["clip.mp4", "put.mp4"]);
const download = await files.downloadFile({ id: imported.id, filename: detail.name, redirect: false });
assert(video.equals(Buffer.from(await (await fetch(download.url)).arrayBuffer())));
for (const { id } of [imported, presigned, parts]) await files.deleteFile({ id });
await assert.rejects(files.getFile({ id: imported.id }), (error) => error instanceof ResponseError && error.response.status === 404);
