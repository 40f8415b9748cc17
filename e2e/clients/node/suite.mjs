// What the scripts of this folder share: the calls they are given, and how they tell what came of them. Input and
// output are those of ../python/suite.py.
export const url = process.env.WEIR_URL;
export const v1 = `${url}/v1`;
export const key = process.env.WEIR_KEY;

export const question = "What does the river carry?";

// The one tool and the one structure that every client asks for.
export const level = {
  type: "object",
  properties: { river: { type: "string" }, days: { type: "integer" } },
  required: ["river", "days"],
  additionalProperties: false,
};
export const gauge = {
  type: "object",
  properties: { level: { type: "number" }, rising: { type: "boolean" } },
  required: ["level", "rising"],
  additionalProperties: false,
};

// What names the call in the books, for clients that can send a header, which all can.
export const headers = (call) => ({ "X-Requesty-Call": call.id });

// A text, in how many pieces it came, and the tokens of which the client tells.
export const text = (answer, pieces, input, output) => ({ text: answer, pieces, input_tokens: input, output_tokens: output });

export const tool = (name, args) => ({ tool: { name, arguments: typeof args === "string" ? JSON.parse(args) : args } });

// refused is for an error that must be of a kind which the client has for the status.
export function refused(error, kind) {
  if (!(error instanceof kind)) throw error;
  return { refusal: error.status };
}

// run makes the calls. clients: client -> endpoint -> case -> a function of the call.
export async function run(clients) {
  for (const call of JSON.parse(process.env.WEIR_CALLS)) {
    let result;
    try {
      result = await clients[call.client][call.endpoint][call.case](call);
    } catch (e) {
      result = { error: `${e?.stack ?? e} ${e?.cause ?? ""}` };
    }
    console.log(JSON.stringify({ id: call.id, ...result }));
  }
}
