"""What users of Anthropic's client do, against the gateway. The first argument names the part to run."""

import sys

import anthropic

client = anthropic.Anthropic(max_retries=0, timeout=20)
HELLO = [{"role": "user", "content": "hi"}]
WEATHER = {
    "name": "get_weather",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 1}},
        "required": ["city"],
    },
}


def raises(kind, work):
    try:
        work()
    except kind as error:
        return error
    raise AssertionError(f"expected {kind.__name__}")


def ask(model, **options):
    return client.messages.create(**{"model": model, "max_tokens": 100, "messages": HELLO, **options})


def plain(model, text):
    answer = ask(model, system="Be kind.")
    assert answer.stop_reason == "end_turn" and answer.role == "assistant", answer
    assert text in answer.content[0].text, answer
    assert answer.usage.input_tokens > 0 and answer.usage.output_tokens > 0, answer


def streamed(model, text):
    with client.messages.stream(model=model, max_tokens=100, messages=HELLO) as stream:
        said = "".join(stream.text_stream)
        answer = stream.get_final_message()
    assert text in said and answer.content[0].text == said, answer
    assert answer.stop_reason == "end_turn" and answer.usage.output_tokens > 0, answer


def tools(model):
    forced = {"type": "tool", "name": "get_weather"}
    answer = ask(model, tools=[WEATHER], tool_choice=forced)
    call = answer.content[-1]
    assert answer.stop_reason == "tool_use" and call.type == "tool_use" and call.id, answer
    assert isinstance(call.input["city"], str), call
    options = {"model": model, "max_tokens": 100, "messages": HELLO, "tools": [WEATHER]}
    with client.messages.stream(**options, tool_choice=forced) as stream:
        call = stream.get_final_message().content[-1]
    assert isinstance(call.input["city"], str), call
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "sun"}
    messages = HELLO + [{"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}]
    answer = ask(model, messages=messages, tools=[WEATHER])
    assert answer.stop_reason == "end_turn", answer


def rehearsal():
    plain("rehearsal", "no model was asked")
    streamed("rehearsal", "no model was asked")
    tools("rehearsal")
    count = client.messages.count_tokens(model="rehearsal", messages=HELLO, system="Be kind.")
    assert count.input_tokens > 0, count
    raises(anthropic.NotFoundError, lambda: ask("nobody"))
    error = raises(anthropic.BadRequestError, lambda: ask("rehearsal", messages=[{"role": "user", "content": 7}]))
    assert error.body["error"]["type"] == "invalid_request_error", error.body


def vendor():
    plain("vendor/fake-large", "Good evening")
    streamed("vendor/fake-large", "Good evening")
    tools("vendor/fake-large")
    error = raises(anthropic.RateLimitError, lambda: ask("fake-large"))
    assert error.response.headers["retry-after"] == "1", error.response.headers
    raises(anthropic.InternalServerError, lambda: ask("fake-large"))
    error = raises(anthropic.APIError, lambda: list(ask("fake-large", stream=True)))
    assert "broke off" in str(error), error


def stranger():
    raises(anthropic.AuthenticationError, lambda: ask("fake-large"))


globals()[sys.argv[1]]()
