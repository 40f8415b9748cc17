"""LlamaIndex, with its models for OpenAI's and Anthropic's interfaces."""

from llama_index.core.llms import ChatMessage, LLMMetadata
from llama_index.core.tools import FunctionTool
from llama_index.embeddings.openai_like import OpenAILikeEmbedding
from llama_index.llms.anthropic import Anthropic
from llama_index.llms.openai_like import OpenAILike, OpenAILikeResponses

import suite
from suite import KEY, QUESTION, URL, V1, Gauge

ASKED = [ChatMessage(role="user", content=QUESTION)]

# For Anthropic it asks for a structure by a tool and leaves the choice to the model; the mock provider calls a tool
# where the question has the word in it.
ASKED_FOR_STRUCTURE = [ChatMessage(role="user", content=QUESTION + " Use the tool.")]


def openai(kind, call, **more):
    return kind(
        model=call["model"],
        api_base=V1,
        api_key=KEY,
        max_retries=0,
        default_headers=suite.headers(call),
        context_window=128_000,
        is_function_calling_model=True,
        should_use_structured_outputs=True,
        **more,
    )


def chat(call):
    return openai(OpenAILike, call, is_chat_model=True, additional_kwargs={"extra_body": {"requesty": call["requesty"]}})


def responses(call):
    return openai(OpenAILikeResponses, call)


class Routed(Anthropic):
    """Its model for Anthropic knows Anthropic's names alone; behind a router there are others."""

    @property
    def metadata(self):
        return LLMMetadata(
            context_window=128_000,
            num_output=self.max_tokens,
            is_chat_model=True,
            is_function_calling_model=True,
            model_name=self.model,
        )


def anthropic(call):
    return Routed(
        model=call["model"],
        base_url=URL,
        api_key=KEY,
        max_retries=0,
        max_tokens=64,
        default_headers=suite.headers(call),
    )


def embeddings(call):
    model = OpenAILikeEmbedding(
        model_name=call["model"], api_base=V1, api_key=KEY, max_retries=0, default_headers=suite.headers(call)
    )
    return suite.vectors(model.get_text_embedding_batch([QUESTION, "Silt."]))


def plain(model):
    def f(call):
        return suite.text(model(call).chat(ASKED).message.content)

    return f


def stream(model):
    def f(call):
        pieces = [chunk.delta for chunk in model(call).stream_chat(ASKED) if chunk.delta]
        return suite.text("".join(pieces), len(pieces))

    return f


def calls_tool(model):
    def f(call):
        llm = model(call)
        answer = llm.chat_with_tools([FunctionTool.from_defaults(suite.level)], QUESTION, tool_required=True)
        called = llm.get_tool_calls_from_response(answer)[0]
        return suite.tool(called.tool_name, called.tool_kwargs)

    return f


def structured(model):
    def f(call):
        return suite.gauge(model(call).as_structured_llm(Gauge).chat(ASKED_FOR_STRUCTURE).raw)

    return f


def cases(model):
    return {"plain": plain(model), "stream": stream(model), "tool": calls_tool(model), "structured": structured(model)}


suite.run(
    {
        "llamaindex": {
            "chat.completions": cases(chat),
            "responses": cases(responses),
            "messages": cases(anthropic),
            "embeddings": {"plain": embeddings},
        }
    }
)
