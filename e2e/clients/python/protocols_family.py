"""The official clients of OpenAI and Anthropic with providers of every protocol: what one turn got goes back in the next
as the client has it, calls, results and signed thoughts."""

import json

from anthropic import Anthropic
from openai import OpenAI

import suite
from suite import KEY, LEVEL, QUESTION, URL, V1

RESULT = json.dumps({"level": 7.5, "rising": False})


def openai(call):
    return OpenAI(base_url=V1, api_key=KEY, max_retries=0, default_headers=suite.headers(call))


def anthropic(call):
    return Anthropic(base_url=URL, api_key=KEY, max_retries=0, default_headers=suite.headers(call))


def elsewhere(call):
    """The call to a provider whose signatures no other takes."""
    return {**call, "model": "mock-gemini/" + call["model"].partition("/")[2]}


# --- chat completions ------------------------------------------------------------

FUNCTION = {"type": "function", "function": {"name": "level", "parameters": LEVEL, "strict": True}}


def chat(call, messages=(), **more):
    return {
        "model": call["model"],
        "messages": [{"role": "user", "content": QUESTION}, *messages],
        "extra_body": {"requesty": call["requesty"]},
        **more,
    }


def chat_text(answer):
    return suite.text(
        answer.choices[0].message.content, 1, answer.usage.prompt_tokens, answer.usage.completion_tokens
    )


def chat_plain(call):
    return chat_text(openai(call).chat.completions.create(**chat(call)))


def chat_stream(call):
    pieces, usage = [], None
    for chunk in openai(call).chat.completions.create(**chat(call, stream=True, stream_options={"include_usage": True})):
        pieces += [c.delta.content for c in chunk.choices if c.delta.content]
        usage = chunk.usage or usage
    return suite.text("".join(pieces), len(pieces), usage.prompt_tokens, usage.completion_tokens)


def chat_stream_tool(call):
    with openai(call).chat.completions.stream(**chat(call, tools=[FUNCTION], tool_choice="required")) as stream:
        for _ in stream:
            pass
        called = stream.get_final_completion().choices[0].message.tool_calls[0].function
    return suite.tool(called.name, called.arguments)


def chat_turns(call):
    message = openai(call).chat.completions.create(**chat(call, tools=[FUNCTION], tool_choice="required")).choices[0].message
    called = message.tool_calls[0]
    result = {"role": "tool", "tool_call_id": called.id, "content": RESULT}
    again = suite.second(call)
    answer = openai(again).chat.completions.create(**chat(again, [message, result], tools=[FUNCTION]))
    return {**chat_text(answer), **suite.tool(called.function.name, called.function.arguments)}


# --- responses --------------------------------------------------------------------

NAMED = {"type": "function", "name": "level", "parameters": LEVEL, "strict": True}
OUTSIDE = {"store": False, "include": ["reasoning.encrypted_content"]}  # the client keeps the conversation


def response(call, ask=QUESTION, items=(), **more):
    return {
        "model": call["model"],
        "input": [{"role": "user", "content": ask}, *items],
        "extra_body": {"requesty": call["requesty"]},
        **more,
    }


def response_text(answer):
    return suite.text(answer.output_text, 1, answer.usage.input_tokens, answer.usage.output_tokens)


def responses_plain(call):
    return response_text(openai(call).responses.create(**response(call)))


def responses_stream(call):
    pieces = []
    with openai(call).responses.stream(**response(call)) as stream:
        for event in stream:
            if event.type == "response.output_text.delta":
                pieces.append(event.delta)
        answer = stream.get_final_response()
    return {**response_text(answer), "pieces": len(pieces)}


def responses_stream_tool(call):
    with openai(call).responses.stream(**response(call, tools=[NAMED], tool_choice="required")) as stream:
        for _ in stream:
            pass
        return response_tool(stream.get_final_response())


def response_call(answer):
    return next(item for item in answer.output if item.type == "function_call")


def response_tool(answer):
    called = response_call(answer)
    return suite.tool(called.name, called.arguments)


def response_result(answer):
    return {"type": "function_call_output", "call_id": response_call(answer).call_id, "output": RESULT}


def responses_turns(call):
    first = openai(call).responses.create(**response(call, tools=[NAMED], tool_choice="required", **OUTSIDE))
    again = suite.second(call)
    items = [*first.output, response_result(first)]
    answer = openai(again).responses.create(**response(again, items=items, tools=[NAMED], **OUTSIDE))
    return {**response_text(answer), **response_tool(first)}


def responses_thinking(call, before=lambda call: call):
    ask, more = QUESTION + " Use the tool.", {"tools": [NAMED], "reasoning": {"effort": "low", "summary": "auto"}, **OUTSIDE}
    with openai(call).responses.stream(**response(before(call), ask, **more)) as stream:
        for _ in stream:
            pass
        first = stream.get_final_response()
    signature = next((i.encrypted_content for i in first.output if i.type == "reasoning" and i.encrypted_content), "")
    again = suite.second(call)
    items = [*first.output, response_result(first), {"role": "user", "content": QUESTION}]
    answer = openai(again).responses.create(**response(again, ask, items, **more))
    return {**response_text(answer), **response_tool(first), "signature": signature}


# --- messages -----------------------------------------------------------------------

TOOL = {"name": "level", "description": "The level of a river", "input_schema": LEVEL}


def message(call, ask=QUESTION, messages=(), **more):
    return {
        "model": call["model"],
        "max_tokens": 64,
        "messages": [{"role": "user", "content": ask}, *messages],
        "extra_body": {"requesty": call["requesty"]},
        **more,
    }


def message_text(answer):
    return suite.text("".join(b.text for b in answer.content if b.type == "text"), 1, None, answer.usage.output_tokens)


def block(answer, kind):
    return next(b for b in answer.content if b.type == kind)


def message_tool(answer):
    called = block(answer, "tool_use")
    return suite.tool(called.name, called.input)


def message_turns(answer, *more):
    """The answer and the result of its call, as the messages that follow the question."""
    result = {"type": "tool_result", "tool_use_id": block(answer, "tool_use").id, "content": RESULT}
    return [{"role": "assistant", "content": answer.content}, {"role": "user", "content": [result, *more]}]


def messages_plain(call):
    return message_text(anthropic(call).messages.create(**message(call)))


def messages_stream(call):
    with anthropic(call).messages.stream(**message(call)) as stream:
        pieces = list(stream.text_stream)
        return {**message_text(stream.get_final_message()), "pieces": len(pieces)}


def messages_stream_tool(call):
    with anthropic(call).messages.stream(**message(call, tools=[TOOL], tool_choice={"type": "any"})) as stream:
        return message_tool(stream.get_final_message())


def messages_turns(call):
    first = anthropic(call).messages.create(**message(call, tools=[TOOL], tool_choice={"type": "any"}))
    again = suite.second(call)
    answer = anthropic(again).messages.create(**message(again, messages=message_turns(first), tools=[TOOL]))
    return {**message_text(answer), **message_tool(first)}


def messages_thinking(call, before=lambda call: call):
    ask = QUESTION + " Use the tool."  # where thinking is on, no tool choice may say so
    more = {"tools": [TOOL], "max_tokens": 2048, "thinking": {"type": "enabled", "budget_tokens": 1024}}
    with anthropic(call).messages.stream(**message(before(call), ask, **more)) as stream:
        first = stream.get_final_message()
    signature = block(first, "thinking").signature
    again = suite.second(call)
    messages = message_turns(first, {"type": "text", "text": QUESTION})
    answer = anthropic(again).messages.create(**message(again, ask, messages, **more))
    return {**message_text(answer), **message_tool(first), "signature": signature}


suite.run(
    {
        "openai-python": {
            "chat.completions": {
                "plain": chat_plain,
                "stream": chat_stream,
                "stream-tool": chat_stream_tool,
                "turns": chat_turns,
            },
            "responses": {
                "plain": responses_plain,
                "stream": responses_stream,
                "stream-tool": responses_stream_tool,
                "turns": responses_turns,
                "thinking": responses_thinking,
                "moved": lambda call: responses_thinking(call, elsewhere),
            },
        },
        "anthropic-python": {
            "messages": {
                "plain": messages_plain,
                "stream": messages_stream,
                "stream-tool": messages_stream_tool,
                "turns": messages_turns,
                "thinking": messages_thinking,
                "moved": lambda call: messages_thinking(call, elsewhere),
            },
        },
    }
)
