"""The official clients of OpenAI and Anthropic, and requests, which sends what a programmer writes by hand."""

import base64
import json

import requests
from anthropic import Anthropic
from anthropic import RateLimitError as AnthropicRateLimit
from openai import OpenAI, RateLimitError

import suite
from suite import KEY, LEVEL, QUESTION, URL, V1, Gauge

# --- openai, chat completions --------------------------------------------------


def openai(call):
    return OpenAI(base_url=V1, api_key=KEY, max_retries=0, default_headers=suite.headers(call))


def chat(call, **more):
    return {
        "model": call["model"],
        "messages": [{"role": "user", "content": QUESTION}],
        "extra_body": {"requesty": call["requesty"]},
        **more,
    }


def chat_plain(call):
    answer = openai(call).chat.completions.create(**chat(call))
    usage = answer.usage
    return suite.text(answer.choices[0].message.content, 1, usage.prompt_tokens, usage.completion_tokens)


def chat_stream(call):
    pieces, usage = [], None
    stream = openai(call).chat.completions.create(**chat(call, stream=True, stream_options={"include_usage": True}))
    for chunk in stream:
        pieces += [c.delta.content for c in chunk.choices if c.delta.content]
        usage = chunk.usage or usage
    return suite.text("".join(pieces), len(pieces), usage.prompt_tokens, usage.completion_tokens)


def chat_tool(call):
    function = {"name": "level", "parameters": LEVEL, "strict": True}
    answer = openai(call).chat.completions.create(
        **chat(call, tools=[{"type": "function", "function": function}], tool_choice="required")
    )
    called = answer.choices[0].message.tool_calls[0].function
    return suite.tool(called.name, called.arguments)


def chat_stream_tool(call):
    function = {"name": "level", "parameters": LEVEL, "strict": True}
    asked = chat(call, tools=[{"type": "function", "function": function}], tool_choice="required")
    with openai(call).chat.completions.stream(**asked) as stream:
        for _ in stream:
            pass
        called = stream.get_final_completion().choices[0].message.tool_calls[0].function
    return suite.tool(called.name, called.arguments)


def chat_structured(call):
    answer = openai(call).chat.completions.parse(**chat(call, response_format=Gauge))
    return suite.gauge(answer.choices[0].message.parsed)


def chat_error(call):
    try:
        openai(call).chat.completions.create(**chat(call))
    except RateLimitError as e:
        return suite.refused(e)


# --- openai, responses and embeddings --------------------------------------------


def response(call, **more):
    return {"model": call["model"], "input": QUESTION, "extra_body": {"requesty": call["requesty"]}, **more}


def responses_plain(call):
    answer = openai(call).responses.create(**response(call))
    return suite.text(answer.output_text, 1, answer.usage.input_tokens, answer.usage.output_tokens)


def responses_stream(call):
    pieces, usage = [], None
    for event in openai(call).responses.create(**response(call, stream=True)):
        if event.type == "response.output_text.delta":
            pieces.append(event.delta)
        if event.type == "response.completed":
            usage = event.response.usage
    return suite.text("".join(pieces), len(pieces), usage.input_tokens, usage.output_tokens)


def responses_tool(call):
    function = {"type": "function", "name": "level", "parameters": LEVEL, "strict": True}
    answer = openai(call).responses.create(**response(call, tools=[function], tool_choice="required"))
    called = next(item for item in answer.output if item.type == "function_call")
    return suite.tool(called.name, called.arguments)


def responses_stream_tool(call):
    function = {"type": "function", "name": "level", "parameters": LEVEL, "strict": True}
    with openai(call).responses.stream(**response(call, tools=[function], tool_choice="required")) as stream:
        for _ in stream:
            pass
        called = next(item for item in stream.get_final_response().output if item.type == "function_call")
    return suite.tool(called.name, called.arguments)


def responses_structured(call):
    return suite.gauge(openai(call).responses.parse(**response(call, text_format=Gauge)).output_parsed)


def responses_error(call):
    try:
        openai(call).responses.create(**response(call))
    except RateLimitError as e:
        return suite.refused(e)


def embeddings_plain(call):
    answer = openai(call).embeddings.create(
        model=call["model"], input=[QUESTION, "Silt."], extra_body={"requesty": call["requesty"]}
    )
    return suite.vectors([d.embedding for d in answer.data])


# --- openai, images and sound ---------------------------------------------------

PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg=="
)
SOUND = b"RIFF" + bytes(40_000)


def media(call, **more):
    return {"model": call["model"], "extra_body": {"requesty": call["requesty"]}, **more}


def images_plain(call):
    answer = openai(call).images.generate(**media(call, prompt=QUESTION))
    return suite.size(base64.b64decode(answer.data[0].b64_json))


def images_stream(call):
    kinds = []
    for event in openai(call).images.generate(**media(call, prompt=QUESTION, stream=True, partial_images=2)):
        kinds.append(event.type)
        last = event
    assert kinds == ["image_generation.partial_image"] * 2 + ["image_generation.completed"], kinds
    return suite.size(base64.b64decode(last.b64_json))


def edits_plain(call):
    answer = openai(call).images.edit(**media(call, prompt=QUESTION, image=[("river.png", PICTURE), ("dam.png", PICTURE)]))
    return suite.size(base64.b64decode(answer.data[0].b64_json))


def speech_plain(call):
    return suite.size(openai(call).audio.speech.create(**media(call, input=QUESTION, voice="alloy")).content)


def speech_stream(call):
    sound, ended = b"", False
    asked = media(call, input=QUESTION, voice="alloy", stream_format="sse")
    with openai(call).audio.speech.with_streaming_response.create(**asked) as answer:
        for line in answer.iter_lines():
            if line.startswith("data: {"):
                event = json.loads(line[len("data: ") :])
                sound += base64.b64decode(event.get("audio", ""))
                ended = event["type"] == "speech.audio.done"
    assert ended, "the stream did not end with speech.audio.done"
    return suite.size(sound)


def transcriptions_plain(call):
    return suite.text(openai(call).audio.transcriptions.create(**media(call, file=("river.wav", SOUND))).text)


def transcriptions_stream(call):
    pieces, done = [], None
    for event in openai(call).audio.transcriptions.create(**media(call, file=("river.wav", SOUND), stream=True)):
        if event.type == "transcript.text.delta":
            pieces.append(event.delta)
        if event.type == "transcript.text.done":
            done = event.text
    assert done == "".join(pieces), f"{pieces} became {done}"
    return suite.text(done, len(pieces))


# --- anthropic ----------------------------------------------------------------------


def anthropic(call):
    return Anthropic(base_url=URL, api_key=KEY, max_retries=0, default_headers=suite.headers(call))


def message(call, **more):
    return {
        "model": call["model"],
        "max_tokens": 64,
        "messages": [{"role": "user", "content": QUESTION}],
        "extra_body": {"requesty": call["requesty"]},
        **more,
    }


def messages_plain(call):
    answer = anthropic(call).messages.create(**message(call))
    return suite.text("".join(b.text for b in answer.content if b.type == "text"), 1, None, answer.usage.output_tokens)


def messages_stream(call):
    with anthropic(call).messages.stream(**message(call)) as stream:
        pieces = list(stream.text_stream)
        usage = stream.get_final_message().usage
    return suite.text("".join(pieces), len(pieces), None, usage.output_tokens)


def messages_tool(call):
    tools = [{"name": "level", "description": "The level of a river", "input_schema": LEVEL}]
    answer = anthropic(call).messages.create(**message(call, tools=tools, tool_choice={"type": "any"}))
    called = next(b for b in answer.content if b.type == "tool_use")
    return suite.tool(called.name, called.input)


def messages_stream_tool(call):
    tools = [{"name": "level", "description": "The level of a river", "input_schema": LEVEL}]
    with anthropic(call).messages.stream(**message(call, tools=tools, tool_choice={"type": "any"})) as stream:
        called = next(b for b in stream.get_final_message().content if b.type == "tool_use")
    return suite.tool(called.name, called.input)


def messages_structured(call):
    return suite.gauge(anthropic(call).messages.parse(**message(call, output_format=Gauge)).parsed_output)


def messages_error(call):
    try:
        anthropic(call).messages.create(**message(call))
    except AnthropicRateLimit as e:
        return suite.refused(e)


def messages_count(call):
    count = anthropic(call).messages.count_tokens(model=call["model"], messages=[{"role": "user", "content": QUESTION}])
    return {"input_tokens": count.input_tokens}


# --- requests ---------------------------------------------------------------------------


def post(call, **more):
    body = {"model": call["model"], "messages": [{"role": "user", "content": QUESTION}], "requesty": call["requesty"]}
    answer = requests.post(
        V1 + "/chat/completions",
        json={**body, **more},
        headers={"Authorization": "Bearer " + KEY, **suite.headers(call)},
        stream="stream" in more,
        timeout=30,
    )
    if "stream" not in more:
        answer.raise_for_status()
    return answer


def requests_plain(call):
    answer = post(call).json()
    usage = answer["usage"]
    return suite.text(
        answer["choices"][0]["message"]["content"], 1, usage["prompt_tokens"], usage["completion_tokens"]
    )


def requests_stream(call):
    pieces, usage, done = [], None, False
    for line in post(call, stream=True, stream_options={"include_usage": True}).iter_lines(decode_unicode=True):
        if line == "data: [DONE]":
            done = True
        elif line.startswith("data: "):
            chunk = json.loads(line[len("data: ") :])
            pieces += [c["delta"]["content"] for c in chunk["choices"] if c["delta"].get("content")]
            usage = chunk.get("usage") or usage
    assert done, "the stream did not end with [DONE]"
    return suite.text("".join(pieces), len(pieces), usage["prompt_tokens"], usage["completion_tokens"])


def requests_tool(call):
    function = {"name": "level", "parameters": LEVEL}
    answer = post(call, tools=[{"type": "function", "function": function}], tool_choice="required").json()
    called = answer["choices"][0]["message"]["tool_calls"][0]["function"]
    return suite.tool(called["name"], called["arguments"])


def requests_structured(call):
    form = {"name": "gauge", "strict": True, "schema": Gauge.model_json_schema()}
    answer = post(call, response_format={"type": "json_schema", "json_schema": form}).json()
    return suite.gauge(json.loads(answer["choices"][0]["message"]["content"]))


suite.run(
    {
        "openai-python": {
            "chat.completions": {
                "plain": chat_plain,
                "stream": chat_stream,
                "tool": chat_tool,
                "stream-tool": chat_stream_tool,
                "structured": chat_structured,
                "error": chat_error,
            },
            "responses": {
                "plain": responses_plain,
                "stream": responses_stream,
                "tool": responses_tool,
                "stream-tool": responses_stream_tool,
                "structured": responses_structured,
                "error": responses_error,
            },
            "embeddings": {"plain": embeddings_plain},
            "images.generations": {"plain": images_plain, "stream": images_stream},
            "images.edits": {"plain": edits_plain},
            "audio.speech": {"plain": speech_plain, "stream": speech_stream},
            "audio.transcriptions": {"plain": transcriptions_plain, "stream": transcriptions_stream},
        },
        "anthropic-python": {
            "messages": {
                "plain": messages_plain,
                "stream": messages_stream,
                "tool": messages_tool,
                "stream-tool": messages_stream_tool,
                "structured": messages_structured,
                "error": messages_error,
                "count": messages_count,
            },
        },
        "requests": {
            "chat.completions": {
                "plain": requests_plain,
                "stream": requests_stream,
                "tool": requests_tool,
                "structured": requests_structured,
            },
        },
    }
)
