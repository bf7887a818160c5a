"""Be a tool: a NATS micro service that answers on `tool.<organization>.weather`, with nothing but an access token.

    pip install nats-py
    NATS_URL=nats://127.0.0.1:4222 TROUPE_TOKEN=<access token of an editor> python serve_tool.py

Then make it a tool of the organization:

    POST /api/v1/tools {"name": "weather", "kind": "nats", "config": {"name": "weather"}, "description": …, "input_schema": …}
"""

import asyncio
import base64
import json
import os

import nats
import nats.micro

SCHEMA = {"type": "object", "required": ["city"], "properties": {"city": {"type": "string"}}}
CELSIUS = {"Rome": 21.5, "Oslo": 4.0}


def claims(token: str) -> dict:
    """Our user and organization stand in the token; the server checks it, so we need not."""
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


async def weather(request: nats.micro.Request) -> None:
    """The body is the arguments, the answer is the result; a failure has a status and a problem."""
    city = json.loads(request.data)["city"]
    if city not in CELSIUS:
        problem = {
            "type": "urn:troupe:problem:not_found",
            "title": "not found",
            "status": 404,
            "code": "not_found",
            "detail": "there is no station",
        }
        return await request.respond_error("404", "not_found", json.dumps(problem).encode())
    await request.respond(json.dumps({"city": city, "celsius": CELSIUS[city]}).encode())


async def main() -> None:
    token = os.environ["TROUPE_TOKEN"]
    user, organization = claims(token)["sub"], claims(token)["tid"]
    connection = await nats.connect(
        os.environ.get("NATS_URL", "nats://127.0.0.1:4222"),
        user=user,
        password=token,
        inbox_prefix=f"_INBOX_{user}".encode(),
    )
    # The organization's id as the name: by it the platform finds the tools of its own members, and nobody else's.
    service = await nats.micro.add_service(
        connection, name=organization, version="1.0.0", description="Tells the weather of a city."
    )
    await service.add_endpoint(
        name="weather",
        subject=f"tool.{organization}.weather",
        handler=weather,
        metadata={"input_schema": json.dumps(SCHEMA)},
    )
    await connection.flush()
    print(f"serving tool.{organization}.weather", flush=True)
    # The connection ends with its token: whoever serves for longer connects again with the next one.
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
