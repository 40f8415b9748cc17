"""Haystack, with its generators for OpenAI's and Anthropic's interfaces."""

import json
import os

# Anthropic's generator has no parameter for the address; it takes the one that Anthropic's own client reads.
os.environ["ANTHROPIC_BASE_URL"] = os.environ["WEIR_URL"]

from haystack.components.embedders import OpenAIDocumentEmbedder
from haystack.components.generators.chat import OpenAIChatGenerator, OpenAIResponsesChatGenerator
from haystack.dataclasses import ChatMessage, Document
from haystack.tools import Tool
from haystack.utils import Secret
from haystack_integrations.components.generators.anthropic import AnthropicChatGenerator

import suite
from suite import KEY, LEVEL, QUESTION, V1, Gauge

ASKED = [ChatMessage.from_user(QUESTION)]
TOOL = Tool(name="level", description="The level of a river", parameters=LEVEL, function=suite.level)


def kwargs(call, **more):
    return {"extra_headers": suite.headers(call), **more}


def chat(call, callback=None, **more):
    return OpenAIChatGenerator(
        api_key=Secret.from_token(KEY),
        model=call["model"],
        api_base_url=V1,
        max_retries=0,
        streaming_callback=callback,
        generation_kwargs=kwargs(call, extra_body={"requesty": call["requesty"]}, **more),
    )


def responses(call, callback=None, **more):
    return OpenAIResponsesChatGenerator(
        api_key=Secret.from_token(KEY),
        model=call["model"],
        api_base_url=V1,
        max_retries=0,
        streaming_callback=callback,
        generation_kwargs=kwargs(call, **more),
    )


def anthropic(call, callback=None, **more):
    return AnthropicChatGenerator(
        api_key=Secret.from_token(KEY),
        model=call["model"],
        max_retries=0,
        streaming_callback=callback,
        generation_kwargs=kwargs(call, max_tokens=64, **more),
    )


def embeddings(call):
    embedder = OpenAIDocumentEmbedder(
        api_key=Secret.from_token(KEY),
        model=call["model"],
        api_base_url=V1,
        max_retries=0,
        progress_bar=False,
        raise_on_failure=True,
        http_client_kwargs={"headers": suite.headers(call)},
    )
    documents = embedder.run([Document(content=QUESTION), Document(content="Silt.")])["documents"]
    return suite.vectors([d.embedding for d in documents])


def plain(model):
    return lambda call: suite.text(model(call).run(ASKED)["replies"][0].text)


def stream(model):
    def f(call):
        pieces = []
        reply = model(call, lambda chunk: pieces.append(chunk.content)).run(ASKED)["replies"][0]
        return suite.text(reply.text, len([p for p in pieces if p]))

    return f


def calls_tool(model, choice):
    def f(call):
        called = model(call, tool_choice=choice).run(ASKED, tools=[TOOL])["replies"][0].tool_calls[0]
        return suite.tool(called.tool_name, called.arguments)

    return f


def structured(model, name):
    def f(call):
        return suite.gauge(json.loads(model(call, **{name: Gauge}).run(ASKED)["replies"][0].text))

    return f


suite.run(
    {
        "haystack": {
            "chat.completions": {
                "plain": plain(chat),
                "stream": stream(chat),
                "tool": calls_tool(chat, "required"),
                "structured": structured(chat, "response_format"),
            },
            "responses": {
                "plain": plain(responses),
                "stream": stream(responses),
                "tool": calls_tool(responses, "required"),
                "structured": structured(responses, "text_format"),
            },
            "messages": {
                "plain": plain(anthropic),
                "stream": stream(anthropic),
                "tool": calls_tool(anthropic, {"type": "any"}),
            },
            "embeddings": {"plain": embeddings},
        }
    }
)
