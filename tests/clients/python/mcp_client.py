"""An agent's main job through `files mcp`, with the Model Context Protocol's own client for Python."""

import asyncio
import os
import sys
from pathlib import Path
from urllib.request import urlopen

from mcp import ClientSession
from mcp.client.stdio import StdioServerParameters, stdio_client

VIDEO = Path(os.environ["FILES_VIDEO"])
TOOLS = ["delete_file", "download_link", "get_file", "import_url", "list_files", "update_file", "upload_file", "wait_for_file"]
VARIABLES = {name: os.environ[name] for name in ("FILES_URL", "FILES_API_KEY", "HOME")}
SERVER = StdioServerParameters(command=sys.argv[1], args=["mcp", "--root", str(VIDEO.parent)], env=VARIABLES)


async def job(session):
    async def call(tool, /, **arguments):
        result = await session.call_tool(tool, arguments)
        assert not result.is_error, result
        return result.structured_content

    tools = (await session.list_tools()).tools
    assert sorted(tool.name for tool in tools) == TOOLS, tools
    assert {tool.name for tool in tools if tool.annotations.destructive_hint} == {"delete_file"}

    uploaded = await call("upload_file", path=VIDEO.name, metadata={"project": "trailer"})
    imported = await call("import_url", file_url=os.environ["FILES_SOURCE"], name="import.mp4")
    for file in (uploaded, imported):
        done = await call("wait_for_file", id=file["id"], timeout_seconds=60)
        assert done["status"] == "success", done
    file = await call("get_file", id=uploaded["id"])
    assert file["metadata"] == {"project": "trailer"}, file
    assert file["ffprobe"]["video_codec"] == "h264", file
    page = await call("list_files", limit=1, order="asc", type="video")
    assert [file["name"] for file in page["files"]] == [VIDEO.name], page
    page = await call("list_files", limit=1, order="asc", type="video", cursor=page["next_cursor"])
    assert [file["name"] for file in page["files"]] == ["import.mp4"], page
    link = await call("download_link", id=uploaded["id"], expires_in=60)
    assert urlopen(link["url"]).read() == VIDEO.read_bytes()
    for file in (uploaded, imported):
        await call("delete_file", id=file["id"])

    for name, arguments, word in [
        ("get_file", {"id": uploaded["id"]}, "not_found"),
        ("upload_file", {"path": "/etc/hostname"}, "root of this server"),
        ("upload_file", {"path": "../cloud.log"}, "root of this server"),
        ("import_url", {"file_url": "ftp://example.com/a"}, "invalid_url"),
    ]:
        result = await session.call_tool(name, arguments)
        assert result.is_error and word in result.content[0].text, result


async def main():
    async with stdio_client(SERVER) as streams, ClientSession(*streams) as session:
        await session.initialize()
        await job(session)


asyncio.run(main())
