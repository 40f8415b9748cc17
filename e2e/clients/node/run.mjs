// Makes one call of each case with OpenAI's official client and prints what it found as JSON.
// Input by environment: WEIR_URL, WEIR_KEY, WEIR_CASES ([{name, model, cost, requesty}]).
import OpenAI from "openai";

const client = new OpenAI({ baseURL: process.env.WEIR_URL, apiKey: process.env.WEIR_KEY, maxRetries: 0 });
const user = { role: "user", content: "What does the river carry?" };

// Each function makes its call with the given body and returns [headers, problems].
const calls = {
  async plain(body, { cost }) {
    const { data, response } = await client.chat.completions.create(body).withResponse();
    const u = data.usage;
    return [response.headers, wrong({
      model: data.model.startsWith("mock/"),
      content: data.choices[0].message.content.length > 0,
      usage: u.prompt_tokens === 1000 && u.prompt_tokens_details.cached_tokens === 400 &&
        u.completion_tokens === 50 && u.completion_tokens_details.reasoning_tokens === 20,
      cost: Number(u.cost) === Number(cost),
    }, data)];
  },

  async streamed(body) {
    const { data: stream, response } = await client.chat.completions
      .create({ ...body, stream: true, stream_options: { include_usage: true } }).withResponse();
    let text = "", usage, models = new Set();
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta?.content ?? "";
      usage = chunk.usage ?? usage;
      models.add(chunk.model);
    }
    return [response.headers, wrong({
      models: models.size === 1 && [...models][0].startsWith("mock/"),
      text: text.length > 0,
      usage: usage?.completion_tokens === 300 && usage.prompt_tokens_details.cached_tokens === 1500,
    }, { text, usage, models: [...models] })];
  },

  async tools(body) {
    const { data, response } = await client.chat.completions.create({
      ...body,
      tool_choice: "required",
      tools: [{ type: "function", function: { name: "level", parameters: {
        type: "object", properties: { river: { type: "string" }, days: { type: "integer" } } } } }],
    }).withResponse();
    const call = data.choices[0].message.tool_calls?.[0]?.function;
    const args = JSON.parse(call?.arguments ?? "{}");
    return [response.headers, wrong({
      reason: data.choices[0].finish_reason === "tool_calls",
      call: call?.name === "level" && typeof args.river === "string" && Number.isInteger(args.days),
    }, data)];
  },

  async structured(body) {
    const { data, response } = await client.chat.completions.create({
      ...body,
      response_format: { type: "json_schema", json_schema: { name: "gauge", strict: true, schema: {
        type: "object", properties: { level: { type: "number" }, rising: { type: "boolean" } }, required: ["level", "rising"] } } },
    }).withResponse();
    const gauge = JSON.parse(data.choices[0].message.content);
    return [response.headers, wrong({
      gauge: typeof gauge.level === "number" && typeof gauge.rising === "boolean",
    }, data)];
  },

  async error(body) {
    try {
      await client.chat.completions.create(body);
    } catch (e) {
      return [e.headers, wrong({
        kind: e instanceof OpenAI.RateLimitError,
        status: e.status === 429,
        code: e.code === "rate_limit_exceeded",
        origin: e.error?.origin === "provider",
      }, e.error ?? String(e))];
    }
    return [new Headers(), ["no error was raised"]];
  },
};

// wrong lists the checks that do not hold, with what was seen.
function wrong(checks, seen) {
  return Object.entries(checks).filter(([, ok]) => !ok).map(([name]) => `${name} is wrong: ${JSON.stringify(seen)}`);
}

const results = [];
for (const { name, model, cost, requesty } of JSON.parse(process.env.WEIR_CASES)) {
  let headers = new Headers(), problems;
  try {
    [headers, problems] = await calls[name]({ model, messages: [user], requesty }, { cost });
  } catch (e) {
    problems = [`${e?.stack ?? e}`];
  }
  results.push({
    case: name, problems,
    request_id: headers.get("x-requesty-request-id") ?? "",
    provider: headers.get("x-requesty-provider") ?? "",
  });
}
console.log(JSON.stringify(results));
