"""The main job with the client of openapi-generator's python. It sends a body of the first media type alone, so a file goes by a
presigned PUT."""

import os
import time
from pathlib import Path

import urllib3

from openapi_client import ApiClient, Configuration, CreateImport, CreateRequest, CreateUpload, FilesApi, FileStatus
from openapi_client import PresignedPut, SignPartsRequest, UploadsApi
from openapi_client.exceptions import NotFoundException

VIDEO = Path(os.environ["FILES_VIDEO"])
http = urllib3.PoolManager()
client = ApiClient(Configuration(os.environ["FILES_ORIGIN"], api_key={"header": os.environ["FILES_API_KEY"]}))
files, uploads = FilesApi(client), UploadsApi(client)


def wait_for(file_id):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        file = files.get_file(file_id)
        if file.status in (FileStatus.SUCCESS, FileStatus.FAILED):
            return file
        time.sleep(0.1)
    raise TimeoutError(file_id)


create = CreateImport(file_url=os.environ["FILES_SOURCE"], metadata={"project": "trailer"})
imported = files.create_file(CreateRequest(create))
detail = wait_for(imported.id)
assert detail.size == VIDEO.stat().st_size
assert detail.metadata == {"project": "trailer"}
assert detail.ffprobe.height == 180, detail

create = CreateUpload(name="put.mp4", size=VIDEO.stat().st_size)
presigned = files.create_file(CreateRequest(create))
put = presigned.upload.actual_instance
assert isinstance(put, PresignedPut), presigned
assert http.request("PUT", put.url, body=VIDEO.read_bytes(), headers=put.headers).status == 200
assert wait_for(presigned.id).status == FileStatus.SUCCESS

create = CreateUpload(name="parts.mp4", size=VIDEO.stat().st_size, multipart=True)
parts = files.create_file(CreateRequest(create))
[part] = uploads.sign_parts(parts.id, SignPartsRequest(part_numbers=[1])).parts
assert http.request("PUT", part.url, body=VIDEO.read_bytes(), headers=part.headers).status == 200
uploads.complete_upload(parts.id)
assert wait_for(parts.id).status == FileStatus.SUCCESS

page = files.list_files(limit=2, order="asc")
assert [file.name for file in page.files] == ["clip.mp4", "put.mp4"], page
download = files.download_file(imported.id, detail.name, redirect=False)
assert http.request("GET", download.url).data == VIDEO.read_bytes()
for file in (imported, presigned, parts):
    files.delete_file(file.id)
try:
    files.get_file(imported.id)
except NotFoundException as error:
    assert error.data.reason == "not_found", error
else:
    raise AssertionError("the deleted file is still there")
