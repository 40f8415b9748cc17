// The Vercel AI SDK, with its models for OpenAI's and Anthropic's interfaces and for those that are like OpenAI's.
import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { embedMany, generateText, jsonSchema, Output, streamText, tool as define } from "ai";
import { z } from "zod";
import { headers, key, level, question, run, text, tool, url, v1 } from "./suite.mjs";

const openai = (call) => createOpenAI({ baseURL: v1, apiKey: key, headers: headers(call) });
const compatible = (call) => createOpenAICompatible({
  name: "weir", baseURL: v1, apiKey: key, headers: headers(call), includeUsage: true, supportsStructuredOutputs: true,
});
// By the longer of the two paths at which Messages are served; the other clients take the shorter one.
const anthropic = (call) => createAnthropic({ baseURL: `${url}/anthropic/v1`, apiKey: key, headers: headers(call) });

const gauge = z.object({ level: z.number(), rising: z.boolean() });

// cases are the same for each of its models.
const cases = (model) => {
  const asked = (call) => ({ model: model(call), prompt: question, maxRetries: 0, maxOutputTokens: 64 });
  return {
    async plain(call) {
      const { text: answer, usage } = await generateText(asked(call));
      return text(answer, 1, usage.inputTokens, usage.outputTokens);
    },

    async stream(call) {
      const result = streamText({ ...asked(call), onError({ error }) { throw error; } });
      const pieces = [];
      for await (const piece of result.textStream) pieces.push(piece);
      const usage = await result.usage;
      return text(pieces.join(""), pieces.length, usage.inputTokens, usage.outputTokens);
    },

    async tool(call) {
      const { toolCalls } = await generateText({
        ...asked(call),
        tools: { level: define({ description: "The level of a river", inputSchema: jsonSchema(level) }) },
        toolChoice: "required",
      });
      return tool(toolCalls[0].toolName, toolCalls[0].input);
    },

    async structured(call) {
      const { output } = await generateText({ ...asked(call), output: Output.object({ schema: gauge, name: "gauge" }) });
      return { json: output };
    },
  };
};

const embeddings = {
  async plain(call) {
    const result = await embedMany({
      model: openai(call).textEmbeddingModel(call.model), values: [question, "Silt."], maxRetries: 0,
    });
    return { vectors: result.embeddings.map((v) => v.length) };
  },
};

await run({
  "ai-openai": {
    "chat.completions": cases((call) => openai(call).chat(call.model)),
    responses: cases((call) => openai(call).responses(call.model)),
    embeddings,
  },
  "ai-openai-compatible": { "chat.completions": cases((call) => compatible(call).chatModel(call.model)) },
  "ai-anthropic": { messages: cases((call) => anthropic(call)(call.model)) },
});
