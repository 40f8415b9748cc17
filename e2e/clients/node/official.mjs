// The official clients of OpenAI and Anthropic, and axios, which sends what a programmer writes by hand.
import Anthropic from "@anthropic-ai/sdk";
import axios from "axios";
import OpenAI from "openai";
import { gauge, headers, key, level, question, refused, run, text, tool, url, v1 } from "./suite.mjs";

// --- openai ----------------------------------------------------------------

const openai = (call) => new OpenAI({ baseURL: v1, apiKey: key, maxRetries: 0, defaultHeaders: headers(call) });

const user = { role: "user", content: question };

const completion = (call, more) =>
  openai(call).chat.completions.create({ model: call.model, messages: [user], requesty: call.requesty, ...more });

const gaugeForm = { name: "gauge", strict: true, schema: gauge };

const chat = {
  async plain(call) {
    const { choices, usage } = await completion(call);
    return text(choices[0].message.content, 1, usage.prompt_tokens, usage.completion_tokens);
  },

  async stream(call) {
    const pieces = [];
    let usage;
    for await (const chunk of await completion(call, { stream: true, stream_options: { include_usage: true } })) {
      const piece = chunk.choices[0]?.delta?.content;
      if (piece) pieces.push(piece);
      usage = chunk.usage ?? usage;
    }
    return text(pieces.join(""), pieces.length, usage.prompt_tokens, usage.completion_tokens);
  },

  async tool(call) {
    const { choices } = await completion(call, {
      tools: [{ type: "function", function: { name: "level", parameters: level, strict: true } }],
      tool_choice: "required",
    });
    const { name, arguments: args } = choices[0].message.tool_calls[0].function;
    return tool(name, args);
  },

  async structured(call) {
    const { choices } = await openai(call).chat.completions.parse({
      model: call.model, messages: [user], requesty: call.requesty,
      response_format: { type: "json_schema", json_schema: gaugeForm },
    });
    return { json: JSON.parse(choices[0].message.content) };
  },

  async error(call) {
    try {
      await completion(call);
    } catch (e) {
      return refused(e, OpenAI.RateLimitError);
    }
  },
};

const response = (call, more) =>
  openai(call).responses.create({ model: call.model, input: question, requesty: call.requesty, ...more });

const responses = {
  async plain(call) {
    const { output_text: answer, usage } = await response(call);
    return text(answer, 1, usage.input_tokens, usage.output_tokens);
  },

  async stream(call) {
    const pieces = [];
    let usage;
    for await (const event of await response(call, { stream: true })) {
      if (event.type === "response.output_text.delta") pieces.push(event.delta);
      if (event.type === "response.completed") usage = event.response.usage;
    }
    return text(pieces.join(""), pieces.length, usage.input_tokens, usage.output_tokens);
  },

  async tool(call) {
    const { output } = await response(call, {
      tools: [{ type: "function", name: "level", parameters: level, strict: true }],
      tool_choice: "required",
    });
    const called = output.find((item) => item.type === "function_call");
    return tool(called.name, called.arguments);
  },

  async structured(call) {
    const { output_text: answer } = await response(call, { text: { format: { type: "json_schema", ...gaugeForm } } });
    return { json: JSON.parse(answer) };
  },

  async error(call) {
    try {
      await response(call);
    } catch (e) {
      return refused(e, OpenAI.RateLimitError);
    }
  },
};

const embeddings = {
  async plain(call) {
    const { data } = await openai(call).embeddings.create({
      model: call.model, input: [question, "Silt."], requesty: call.requesty,
    });
    return { vectors: data.map((d) => d.embedding.length) };
  },
};

// --- anthropic ----------------------------------------------------------------

const anthropic = (call) => new Anthropic({ baseURL: url, apiKey: key, maxRetries: 0, defaultHeaders: headers(call) });

const message = (call, more) => ({
  model: call.model, max_tokens: 64, messages: [user], requesty: call.requesty, ...more,
});

const textOf = (answer) => answer.content.filter((b) => b.type === "text").map((b) => b.text).join("");

const messages = {
  async plain(call) {
    const answer = await anthropic(call).messages.create(message(call));
    return text(textOf(answer), 1, undefined, answer.usage.output_tokens);
  },

  async stream(call) {
    const pieces = [];
    const stream = anthropic(call).messages.stream(message(call)).on("text", (piece) => pieces.push(piece));
    const { usage } = await stream.finalMessage();
    return text(pieces.join(""), pieces.length, undefined, usage.output_tokens);
  },

  async tool(call) {
    const answer = await anthropic(call).messages.create(message(call, {
      tools: [{ name: "level", description: "The level of a river", input_schema: level }],
      tool_choice: { type: "any" },
    }));
    const called = answer.content.find((b) => b.type === "tool_use");
    return tool(called.name, called.input);
  },

  async structured(call) {
    const answer = await anthropic(call).messages.create(message(call, {
      output_config: { format: { type: "json_schema", schema: gauge } },
    }));
    return { json: JSON.parse(textOf(answer)) };
  },

  async error(call) {
    try {
      await anthropic(call).messages.create(message(call));
    } catch (e) {
      return refused(e, Anthropic.RateLimitError);
    }
  },

  async count(call) {
    const count = await anthropic(call).messages.countTokens({ model: call.model, messages: [user] });
    return { input_tokens: count.input_tokens };
  },
};

// --- axios -----------------------------------------------------------------------

const post = (call, more, options) => axios.post(
  `${v1}/chat/completions`,
  { model: call.model, messages: [user], requesty: call.requesty, ...more },
  { headers: { Authorization: `Bearer ${key}`, ...headers(call) }, ...options },
);

const byHand = {
  async plain(call) {
    const { data: { choices, usage } } = await post(call);
    return text(choices[0].message.content, 1, usage.prompt_tokens, usage.completion_tokens);
  },

  async stream(call) {
    const { data } = await post(call, { stream: true, stream_options: { include_usage: true } }, { responseType: "stream" });
    let all = "";
    for await (const bytes of data) all += bytes;
    const lines = all.split("\n").filter((line) => line.startsWith("data: ")).map((line) => line.slice("data: ".length));
    if (lines.pop() !== "[DONE]") throw new Error(`the stream did not end with [DONE]: ${all}`);
    const chunks = lines.map((line) => JSON.parse(line));
    const pieces = chunks.map((chunk) => chunk.choices[0]?.delta?.content).filter(Boolean);
    const { usage } = chunks.at(-1);
    return text(pieces.join(""), pieces.length, usage.prompt_tokens, usage.completion_tokens);
  },

  async tool(call) {
    const { data: { choices } } = await post(call, {
      tools: [{ type: "function", function: { name: "level", parameters: level } }], tool_choice: "required",
    });
    const { name, arguments: args } = choices[0].message.tool_calls[0].function;
    return tool(name, args);
  },

  async structured(call) {
    const { data: { choices } } = await post(call, { response_format: { type: "json_schema", json_schema: gaugeForm } });
    return { json: JSON.parse(choices[0].message.content) };
  },
};

await run({
  "openai-node": { "chat.completions": chat, responses, embeddings },
  "anthropic-node": { messages },
  axios: { "chat.completions": byHand },
});
