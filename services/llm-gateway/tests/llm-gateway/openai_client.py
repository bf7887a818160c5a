"""What users of OpenAI's client do, against the gateway. The first argument names the part to run."""

import json
import sys

import openai

client = openai.OpenAI(max_retries=0, timeout=20)
HELLO = [{"role": "user", "content": "hi"}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 1}},
            "required": ["city"],
        },
    },
}
FORCED = {"type": "function", "function": {"name": "get_weather"}}


def raises(kind, work):
    try:
        work()
    except kind as error:
        return error
    raise AssertionError(f"expected {kind.__name__}")


def ask(model, **options):
    return client.chat.completions.create(model=model, messages=HELLO, **options)


def plain(model, text):
    answer = ask(model, temperature=0.5)
    choice = answer.choices[0]
    assert choice.finish_reason == "stop", answer
    assert text in choice.message.content, answer
    assert choice.message.role == "assistant"
    usage = answer.usage
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens > 0, usage


def streamed(model, text):
    chunks = list(ask(model, stream=True, stream_options={"include_usage": True}))
    said = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text in said, said
    reasons = [c.choices[0].finish_reason for c in chunks if c.choices]
    assert reasons[-1] == "stop" and not any(reasons[:-1]), reasons
    assert chunks[-1].choices == [] and chunks[-1].usage.total_tokens > 0, chunks[-1]
    assert len({c.id for c in chunks}) == 1


def tools(model):
    answer = ask(model, tools=[WEATHER], tool_choice=FORCED)
    choice = answer.choices[0]
    assert choice.finish_reason == "tool_calls", answer
    call = choice.message.tool_calls[0]
    assert call.function.name == "get_weather" and call.id and call.type == "function"
    assert isinstance(json.loads(call.function.arguments)["city"], str)


def streamed_tools(model):
    with client.chat.completions.stream(
        model=model, messages=HELLO, tools=[WEATHER], tool_choice=FORCED
    ) as stream:
        for _ in stream:
            pass
        answer = stream.get_final_completion()
    call = answer.choices[0].message.tool_calls[0]
    assert answer.choices[0].finish_reason == "tool_calls"
    assert isinstance(json.loads(call.function.arguments)["city"], str), call


def responses():
    model = "rehearsal"
    answer = client.responses.create(model=model, input="hi", instructions="Be kind.")
    assert answer.status == "completed" and "no model was asked" in answer.output_text, answer
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens > 0
    with client.responses.stream(model=model, input="hi") as stream:
        said = "".join(e.delta for e in stream if e.type == "response.output_text.delta")
        final = stream.get_final_response()
    assert final.output_text == said and "no model was asked" in said, final
    tool = {"type": "function", **WEATHER["function"]}
    forced = {"type": "function", "name": "get_weather"}
    options = {"model": model, "tools": [tool], "tool_choice": forced}
    call = client.responses.create(input="hi", **options).output[-1]
    assert call.type == "function_call" and json.loads(call.arguments)["city"], call
    with client.responses.stream(input="hi", **options) as stream:
        for _ in stream:
            pass
        call = stream.get_final_response().output[-1]
    assert json.loads(call.arguments)["city"] and call.call_id, call
    result = {"type": "function_call_output", "call_id": call.call_id, "output": "sun"}
    items = [{"role": "user", "content": "hi"}, call, result]
    again = client.responses.create(model=model, input=items, tools=[tool])
    assert again.status == "completed" and again.output_text, again
    short = client.responses.create(model=model, input="hi", max_output_tokens=2)
    assert short.status == "incomplete", short
    error = raises(
        openai.BadRequestError,
        lambda: client.responses.create(model=model, input="hi", previous_response_id="resp_1"),
    )
    assert error.param == "previous_response_id", error


def rehearsal():
    ids = [model.id for model in client.models.list()]
    assert ids == ["rehearsal/rehearsal"], ids
    assert client.models.retrieve("rehearsal/rehearsal").id == "rehearsal/rehearsal"
    plain("rehearsal/rehearsal", "no model was asked")
    streamed("rehearsal", "no model was asked")
    tools("rehearsal")
    streamed_tools("rehearsal")
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    shape = {"type": "json_schema", "json_schema": {"name": "shape", "schema": schema}}
    answer = ask("rehearsal", response_format=shape)
    assert json.loads(answer.choices[0].message.content) == {"n": 1}
    assert answer.model == "rehearsal/rehearsal" and answer.rehearsal is True
    error = raises(openai.NotFoundError, lambda: ask("nobody"))
    assert error.code == "model_not_found" and error.param == "model", error
    raises(openai.BadRequestError, lambda: ask("rehearsal", logprobs=True))
    raises(openai.UnprocessableEntityError, lambda: ask("rehearsal", n=2))


def vendor():
    ids = [model.id for model in client.models.list()]
    assert ids == ["rehearsal/rehearsal", "vendor/fake-large", "vendor/fake-small"], ids
    plain("vendor/fake-large", "Good evening")
    streamed("vendor/fake-large", "Good evening")
    tools("vendor/fake-large")
    streamed_tools("vendor/fake-large")
    error = raises(openai.RateLimitError, lambda: ask("fake-large"))
    assert error.response.headers["retry-after"] == "1", error.response.headers
    raises(openai.InternalServerError, lambda: ask("fake-large"))
    error = raises(openai.APIError, lambda: list(ask("fake-large", stream=True)))
    assert "broke off" in str(error), error


def embeddings():
    # The client asks for base64 and unpacks it, unless it is told otherwise.
    packed = client.embeddings.create(model="rehearsal", input=["a refund", "refunds"])
    plain = client.embeddings.create(
        model="rehearsal", input=["a refund", "refunds"], encoding_format="float"
    )
    assert [item.index for item in packed.data] == [0, 1], packed
    assert packed.model == "rehearsal/rehearsal" and packed.usage.total_tokens == 3, packed
    for one, other in zip(packed.data, plain.data):
        assert len(one.embedding) == 256, one
        assert max(abs(a - b) for a, b in zip(one.embedding, other.embedding)) < 1e-6
    short = client.embeddings.create(model="rehearsal", input="hi", dimensions=8)
    assert len(short.data[0].embedding) == 8, short
    # LangChain sends tokens.
    tokens = client.embeddings.create(model="rehearsal", input=[[1, 2, 3], [4]])
    assert len(tokens.data) == 2 and tokens.usage.total_tokens == 4, tokens
    mixed = [[1, 2, 3], "hi"]
    error = raises(
        openai.BadRequestError, lambda: client.embeddings.create(model="rehearsal", input=mixed)
    )
    assert error.param == "input", error


def forbidden():
    raises(openai.PermissionDeniedError, lambda: ask("fake-large"))


def stranger():
    raises(openai.AuthenticationError, lambda: ask("fake-large"))
    raises(openai.AuthenticationError, lambda: client.models.list())


globals()[sys.argv[1]]()
