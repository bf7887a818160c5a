"""Uses an organization as an MCP server, with the official SDK: lists the tools, calls one, prints what came of it.

    MCP_URL=http://127.0.0.1:8080/api/v1/mcp TROUPE_TOKEN=… python mcp_client.py add '{"a": 1, "b": 2}'
"""

import asyncio
import json
import os
import sys

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client


async def main(title: str, arguments: dict) -> None:
    headers = {"authorization": f"Bearer {os.environ['TROUPE_TOKEN']}"}
    async with httpx2.AsyncClient(headers=headers, timeout=60) as http:
        transport = streamable_http_client(os.environ["MCP_URL"], http_client=http)
        async with Client(transport) as client:
            tools, cursor = [], None
            while True:
                page = await client.list_tools(cursor=cursor)
                tools += page.tools
                cursor = page.next_cursor
                if cursor is None:
                    break
            called = next(tool for tool in tools if tool.title == title)
            result = await client.call_tool(called.name, arguments)
            texts = [part.text for part in result.content]
            print(json.dumps({"tools": sorted(tool.title for tool in tools), "texts": texts, "is_error": result.is_error}))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], json.loads(sys.argv[2])))
