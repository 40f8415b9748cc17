// The official clients of OpenAI and Anthropic, and axios, which sends what a programmer writes by hand.
import Anthropic from "@anthropic-ai/sdk";
import axios from "axios";
import OpenAI, { toFile } from "openai";
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

  async "stream-tool"(call) {
    const { choices } = await openai(call).chat.completions.stream({
      model: call.model, messages: [user], requesty: call.requesty,
      tools: [{ type: "function", function: { name: "level", parameters: level, strict: true } }],
      tool_choice: "required",
    }).finalChatCompletion();
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

  async "stream-tool"(call) {
    const { output } = await openai(call).responses.stream({
      model: call.model, input: question, requesty: call.requesty,
      tools: [{ type: "function", name: "level", parameters: level, strict: true }],
      tool_choice: "required",
    }).finalResponse();
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

const pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg==";

const sizeOf = (base64) => ({ bytes: Buffer.from(base64, "base64").length });

const images = {
  async plain(call) {
    const { data } = await openai(call).images.generate({ model: call.model, prompt: question, requesty: call.requesty });
    return sizeOf(data[0].b64_json);
  },

  async stream(call) {
    const events = await openai(call).images.generate({
      model: call.model, prompt: question, stream: true, partial_images: 2, requesty: call.requesty,
    });
    const kinds = [];
    let last;
    for await (last of events) kinds.push(last.type);
    if (kinds.join() !== "image_generation.partial_image,image_generation.partial_image,image_generation.completed")
      throw new Error(`the events are ${kinds}`);
    return sizeOf(last.b64_json);
  },
};

// The form of a picture or a sound has its file before the model.
const edits = {
  async plain(call) {
    const image = await toFile(Buffer.from(pixel, "base64"), "river.png", { type: "image/png" });
    const { data } = await openai(call).images.edit({ image, prompt: question, model: call.model, requesty: call.requesty });
    return sizeOf(data[0].b64_json);
  },
};

const speech = {
  async plain(call) {
    const answer = await openai(call).audio.speech.create({
      model: call.model, input: question, voice: "alloy", requesty: call.requesty,
    });
    return { bytes: (await answer.arrayBuffer()).byteLength };
  },

  async stream(call) {
    const answer = await openai(call).audio.speech.create({
      model: call.model, input: question, voice: "alloy", stream_format: "sse", requesty: call.requesty,
    });
    const lines = (await answer.text()).split("\n").filter((line) => line.startsWith("data: {"));
    const events = lines.map((line) => JSON.parse(line.slice("data: ".length)));
    if (events.at(-1).type !== "speech.audio.done") throw new Error(`the last event is ${lines.at(-1)}`);
    return { bytes: events.reduce((sum, { audio }) => sum + sizeOf(audio ?? "").bytes, 0) };
  },
};

const recording = () => toFile(Buffer.alloc(40_000, "RIFF"), "river.wav", { type: "audio/wav" });

const transcriptions = {
  async plain(call) {
    const { text: answer } = await openai(call).audio.transcriptions.create({
      file: await recording(), model: call.model, requesty: call.requesty,
    });
    return text(answer, 1);
  },

  async stream(call) {
    const pieces = [];
    let done;
    const events = await openai(call).audio.transcriptions.create({
      file: await recording(), model: call.model, stream: true, requesty: call.requesty,
    });
    for await (const event of events) {
      if (event.type === "transcript.text.delta") pieces.push(event.delta);
      if (event.type === "transcript.text.done") done = event.text;
    }
    if (done !== pieces.join("")) throw new Error(`${pieces} became ${done}`);
    return text(done, pieces.length);
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

  async "stream-tool"(call) {
    const { content } = await anthropic(call).messages.stream(message(call, {
      tools: [{ name: "level", description: "The level of a river", input_schema: level }],
      tool_choice: { type: "any" },
    })).finalMessage();
    const called = content.find((b) => b.type === "tool_use");
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
  "openai-node": {
    "chat.completions": chat, responses, embeddings,
    "images.generations": images, "images.edits": edits, "audio.speech": speech, "audio.transcriptions": transcriptions,
  },
  "anthropic-node": { messages },
  axios: { "chat.completions": byHand },
});
