"""Be a node: do the work of the nodes `custom` with the name `invoice`, with nothing but an access token.

    pip install nats-py
    NATS_URL=nats://127.0.0.1:4222 TROUPE_TOKEN=<access token of an editor> python serve_node.py

In a flow: {"id": "bill", "type": "custom", "config": {"name": "invoice", "config": {"currency": "EUR"}}}
"""

import asyncio
import base64
import json
import os

import nats

# What was answered to each key: the same question may come again, and is to have one effect and one answer.
DONE: dict[str, dict] = {}


def claims(token: str) -> dict:
    """Our user and organization stand in the token; the server checks it, so we need not."""
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def work(question: dict) -> dict:
    """`{execution_id, node, config, input, idempotency_key}` in, the output of the step out."""
    key = question["idempotency_key"]
    if key not in DONE:
        amount = question["input"]["amount"]
        if amount <= 0:
            raise ValueError("the amount is not positive")
        DONE[key] = {"number": len(DONE) + 1, "total": f"{amount:.2f} {question['config']['currency']}"}
    return DONE[key]


async def main() -> None:
    token = os.environ["TROUPE_TOKEN"]
    user, organization = claims(token)["sub"], claims(token)["tid"]
    connection = await nats.connect(
        os.environ.get("NATS_URL", "nats://127.0.0.1:4222"),
        user=user,
        password=token,
        inbox_prefix=f"_INBOX_{user}".encode(),
    )

    async def serve(message) -> None:
        # The flow limits how long we may be silent: whoever takes long publishes here again and again.
        heartbeat = (message.headers or {}).get("Troupe-Heartbeat")
        if heartbeat:
            await connection.publish(heartbeat)
        try:
            headers, body = None, {"output": work(json.loads(message.data))}
        except (KeyError, TypeError, ValueError) as error:
            # A failed step: the headers of a NATS micro service, and a problem that says why.
            headers = {"Nats-Service-Error-Code": "422", "Nats-Service-Error": "invalid_input"}
            body = {
                "type": "urn:troupe:problem:invalid_input",
                "title": "the request is not valid",
                "status": 422,
                "code": "invalid_input",
                "reason": "invoice_input",
                "detail": str(error),
            }
        await connection.publish(message.reply, json.dumps(body).encode(), headers=headers)

    # One queue: of several that serve the name, one gets each question.
    await connection.subscribe(f"node.{organization}.invoice", queue="invoice", cb=serve)
    await connection.flush()
    print(f"serving node.{organization}.invoice", flush=True)
    # The connection ends with its token: whoever serves for longer connects again with the next one.
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
