"""LangChain, with the models of langchain-openai and langchain-anthropic."""

from langchain_anthropic import ChatAnthropic
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings

import suite
from suite import KEY, QUESTION, URL, V1, Gauge


def openai(call, **more):
    return ChatOpenAI(
        model=call["model"],
        base_url=V1,
        api_key=KEY,
        max_retries=0,
        default_headers=suite.headers(call),
        extra_body={"requesty": call["requesty"]},
        **more,
    )


def chat(call):
    return openai(call, stream_usage=True)


def responses(call):
    return openai(call, use_responses_api=True)


def anthropic(call):
    return ChatAnthropic(
        model=call["model"],
        base_url=URL,
        api_key=KEY,
        max_retries=0,
        max_tokens=64,
        default_headers=suite.headers(call),
    )


def embeddings(call):
    # Without the check the client sends the texts themselves; with it, it would count tokens with a table that it
    # downloads.
    model = OpenAIEmbeddings(
        model=call["model"],
        base_url=V1,
        api_key=KEY,
        max_retries=0,
        default_headers=suite.headers(call),
        check_embedding_ctx_length=False,
    )
    return suite.vectors(model.embed_documents([QUESTION, "Silt."]))


def plain(model):
    def f(call):
        answer = model(call).invoke(QUESTION)
        return suite.text(answer.text, 1, answer.usage_metadata["input_tokens"], answer.usage_metadata["output_tokens"])

    return f


def stream(model):
    def f(call):
        pieces, whole = [], None
        for chunk in model(call).stream(QUESTION):
            whole = chunk if whole is None else whole + chunk
            pieces += [chunk.text] if chunk.text else []
        usage = whole.usage_metadata
        return suite.text("".join(pieces), len(pieces), usage["input_tokens"], usage["output_tokens"])

    return f


def calls_tool(model):
    def f(call):
        answer = model(call).bind_tools([tool(suite.level)], tool_choice="any").invoke(QUESTION)
        return suite.tool(answer.tool_calls[0]["name"], answer.tool_calls[0]["args"])

    return f


def structured(model):
    def f(call):
        return suite.gauge(model(call).with_structured_output(Gauge).invoke(QUESTION))

    return f


def cases(model):
    return {"plain": plain(model), "stream": stream(model), "tool": calls_tool(model), "structured": structured(model)}


suite.run(
    {
        "langchain": {
            "chat.completions": cases(chat),
            "responses": cases(responses),
            "messages": cases(anthropic),
            "embeddings": {"plain": embeddings},
        }
    }
)
