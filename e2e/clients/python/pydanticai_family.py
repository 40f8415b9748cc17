"""Pydantic AI, with its models for OpenAI's and Anthropic's interfaces."""

import asyncio

from anthropic import AsyncAnthropic
from openai import AsyncOpenAI
from pydantic_ai import Agent, DeferredToolRequests, Embedder, NativeOutput
from pydantic_ai.embeddings.openai import OpenAIEmbeddingModel
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.profiles.anthropic import AnthropicModelProfile
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.tools import ToolDefinition
from pydantic_ai.toolsets import ExternalToolset

import suite
from suite import KEY, LEVEL, QUESTION, URL, V1, Gauge


def openai(call):
    return OpenAIProvider(
        openai_client=AsyncOpenAI(base_url=V1, api_key=KEY, max_retries=0, default_headers=suite.headers(call))
    )


def chat(call):
    return OpenAIChatModel(call["model"], provider=openai(call))


def responses(call):
    return OpenAIResponsesModel(call["model"], provider=openai(call))


def anthropic(call):
    client = AsyncAnthropic(base_url=URL, api_key=KEY, max_retries=0, default_headers=suite.headers(call))
    # What it knows of Anthropic's models it reads from their names; behind a router there are others.
    profile = AnthropicModelProfile(supports_json_schema_output=True)
    return AnthropicModel(call["model"], provider=AnthropicProvider(anthropic_client=client), profile=profile)


def embeddings(call):
    embedder = Embedder(OpenAIEmbeddingModel(call["model"], provider=openai(call)))
    return suite.vectors(embedder.embed_documents_sync([QUESTION, "Silt."]).embeddings)


def settings(call):
    return {"max_tokens": 64, "extra_body": {"requesty": call["requesty"]}}


def plain(model):
    def f(call):
        result = Agent(model(call), model_settings=settings(call)).run_sync(QUESTION)
        usage = result.usage
        return suite.text(result.output, 1, usage.input_tokens, usage.output_tokens)

    return f


def stream(model):
    async def f(call):
        agent = Agent(model(call), model_settings=settings(call))
        async with agent.run_stream(QUESTION) as result:
            pieces = [piece async for piece in result.stream_text(delta=True, debounce_by=None)]
            usage = result.usage
        return suite.text("".join(pieces), len(pieces), usage.input_tokens, usage.output_tokens)

    return lambda call: asyncio.run(f(call))


def calls_tool(model):
    def f(call):
        tools = ExternalToolset([ToolDefinition(name="level", description="The level", parameters_json_schema=LEVEL)])
        agent = Agent(
            model(call), output_type=[str, DeferredToolRequests], toolsets=[tools], model_settings=settings(call)
        )
        # The mock provider calls a tool where the question has the word in it.
        called = agent.run_sync(QUESTION + " Use the tool.").output.calls[0]
        return suite.tool(called.tool_name, called.args)

    return f


def structured(model):
    def f(call):
        agent = Agent(model(call), output_type=NativeOutput(Gauge), model_settings=settings(call))
        return suite.gauge(agent.run_sync(QUESTION).output)

    return f


def cases(model):
    return {"plain": plain(model), "stream": stream(model), "tool": calls_tool(model), "structured": structured(model)}


suite.run(
    {
        "pydantic-ai": {
            "chat.completions": cases(chat),
            "responses": cases(responses),
            "messages": cases(anthropic),
            "embeddings": {"plain": embeddings},
        }
    }
)
