"""The main job with the client of openapi-python-client."""

import os
import time
from http import HTTPStatus
from pathlib import Path

import httpx

from files_client import AuthenticatedClient
from files_client.api.files import create_file, delete_file, download_file, get_file, list_files
from files_client.models import ApiError, CreateForm, CreateImport, CreateUpload, FileStatus, ListFilesOrder, Metadata
from files_client.models import PresignedPut, Reason
from files_client.types import File

VIDEO = Path(os.environ["FILES_VIDEO"])
client = AuthenticatedClient(
    os.environ["FILES_ORIGIN"], os.environ["FILES_API_KEY"], prefix="", auth_header_name="X-API-KEY"
)


def wait_for(file_id):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        file = get_file.sync(file_id, client=client)
        if file.status in (FileStatus.SUCCESS, FileStatus.FAILED):
            return file
        time.sleep(0.1)
    raise TimeoutError(file_id)


metadata = Metadata.from_dict({"project": "trailer"})
with VIDEO.open("rb") as video:
    form = CreateForm(file=File(video, "form.mp4", "video/mp4"), metadata=metadata)
    form = create_file.sync(client=client, body=form)
uploaded = wait_for(form.id)
assert uploaded.status is FileStatus.SUCCESS, uploaded
assert uploaded.metadata.to_dict() == {"project": "trailer"}
assert uploaded.ffprobe.width == 320

imported = create_file.sync(client=client, body=CreateImport(file_url=os.environ["FILES_SOURCE"]))
assert wait_for(imported.id).size == VIDEO.stat().st_size

presigned = create_file.sync(client=client, body=CreateUpload(name="put.mp4", size=VIDEO.stat().st_size))
assert isinstance(presigned.upload, PresignedPut), presigned
put = httpx.put(presigned.upload.url, headers=presigned.upload.headers.to_dict(), content=VIDEO.read_bytes())
assert put.status_code == 200, put.text
assert wait_for(presigned.id).ffprobe.format_name == "mov,mp4,m4a,3gp,3g2,mj2"

first = list_files.sync(client=client, limit=2, order=ListFilesOrder.ASC)
rest = list_files.sync(client=client, limit=2, order=ListFilesOrder.ASC, cursor=first.next_cursor)
assert [file.name for file in first.files + rest.files] == ["form.mp4", "clip.mp4", "put.mp4"]
assert rest.next_cursor is None

download = download_file.sync(uploaded.id, uploaded.name, client=client, redirect=False)
assert httpx.get(download.url).content == VIDEO.read_bytes()
for file in (uploaded, imported, presigned):
    assert delete_file.sync_detailed(file.id, client=client).status_code == HTTPStatus.NO_CONTENT
gone = get_file.sync(uploaded.id, client=client)
assert isinstance(gone, ApiError) and gone.reason is Reason.NOT_FOUND, gone
