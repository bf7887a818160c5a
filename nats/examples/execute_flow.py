"""Execute a flow over NATS and follow its events, with nothing but an access token.

    pip install nats-py
    NATS_URL=nats://127.0.0.1:4222 TROUPE_TOKEN=<access token> python execute_flow.py <flow id> '{"name": "Ada"}'
"""

import asyncio
import base64
import json
import os
import sys

import nats


def claims(token: str) -> dict:
    """Our user and organization stand in the token; the server checks it, so we need not."""
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


class Troupe:
    def __init__(self, connection, token: str):
        self.nats, self.token, self.tenant = connection, token, claims(token)["tid"]

    async def call(self, name: str, body: dict) -> dict:
        """`req.<organization>.<service>.<method>`: the reply, or the problem as an exception."""
        headers = {"Authorization": f"Bearer {self.token}"}
        subject = f"req.{self.tenant}.{name}"
        reply = await self.nats.request(subject, json.dumps(body).encode(), timeout=10, headers=headers)
        answer = json.loads(reply.data)
        if reply.headers and "Nats-Service-Error-Code" in reply.headers:
            raise RuntimeError(f"{name}: {answer['detail']}")
        return answer

    async def follow(self, execution: str):
        """Every event once and in order: subscribe first, then read the history, then close gaps from it."""
        live = await self.nats.subscribe(f"live.{self.tenant}.{execution}")
        last = 0
        while True:
            page = await self.call("execution.events", {"execution_id": execution, "after": last})
            for event in page["items"]:
                last = event["n"]
                yield event
                if event["type"] in ("execution_succeeded", "execution_failed", "execution_cancelled"):
                    return
            if page["next"] is None:
                try:
                    # A frame only tells that there is more: the history has it all.
                    await live.next_msg(timeout=5)
                except nats.errors.TimeoutError:
                    pass


async def main(flow: str, given: str) -> int:
    token = os.environ["TROUPE_TOKEN"]
    connection = await nats.connect(
        os.environ.get("NATS_URL", "nats://127.0.0.1:4222"),
        user=claims(token)["sub"],
        password=token,
        inbox_prefix=f"_INBOX_{claims(token)['sub']}".encode(),
    )
    troupe = Troupe(connection, token)
    accepted = await troupe.call("flow.execute", {"flow_id": flow, "input": json.loads(given)})
    event = {}
    async for event in troupe.follow(accepted["id"]):
        print(event["n"], event["type"], event.get("node", ""), flush=True)
    print(json.dumps(event.get("output")))
    await connection.close()
    return 0 if event.get("type") == "execution_succeeded" else 1


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(asyncio.run(main(sys.argv[1], sys.argv[2])))
