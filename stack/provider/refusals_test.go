package provider_test

import (
	"strings"
	"testing"
)

// refuses is one protocol's table of bodies that it refuses: what is in the place of the messages or at the top
// level, and the words of the refusal.
func refuses(t *testing.T, address, frame string, header []string, cases [][2]string) {
	t.Helper()
	_, server := start(t)
	for _, c := range cases {
		body := strings.Replace(frame, "HERE", c[0], 1)
		resp, text, _ := postTo(t, server+address, body, header...)
		want := 400
		if c[1] == "" {
			want = 200
		}
		if resp.StatusCode != want || !strings.Contains(text, strings.ReplaceAll(c[1], `"`, `\"`)) {
			t.Errorf("%s: %s: %d %s, want %s", address, body, resp.StatusCode, text, c[1])
		}
	}
}

const signature = "bW9ja6AC8xIzxnI=" // of nothing that was ever thought

func TestAnthropicRefusals(t *testing.T) {
	header := []string{"Authorization", "Bearer k", "Anthropic-Version", "2023-06-01"}
	const use = `{"role":"user","content":"hi"},{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"x","input":{}}]}`
	refuses(t, "/v1/messages", `{"model":"small","max_tokens":2000,"messages":[HERE]}`, header, [][2]string{
		{`{"role":"user","content":"hi"}`, ""},
		{`{"role":"user","content":"hi"},{"role":"user","content":"ho"}`, ""},
		{``, "at least one message"},
		{`{"role":"system","content":"hi"}`, `Unexpected role "system"`},
		{`{"role":"tool","content":"hi"}`, "messages.0.role: Input should be 'user' or 'assistant'"},
		{`{"role":"user","content":[{"type":"image_url","image_url":{"url":"x"}}]}`, "Input tag 'image_url'"},
		{`{"role":"user","content":[{"type":"text","text":""}]}`, "non-empty"},
		{`{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":"x"}]}`, "unexpected `tool_use_id`"},
		{`{"role":"user","content":"hi"},{"role":"assistant","content":[{"type":"tool_use","id":"a:b","name":"x","input":{}}]}`, "tool_use.id: String should match"},
		{use, "were found without `tool_result` blocks"},
		{use + `,{"role":"user","content":"no result"}`, "were found without `tool_result` blocks"},
		{use + `,{"role":"user","content":[{"type":"text","text":"x"},{"type":"tool_result","tool_use_id":"a","content":"x"}]}`, "must come first"},
		{use + `,{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":"x"}]}`, ""},
		{`{"role":"user","content":"hi"},{"role":"assistant","content":[{"type":"thinking","thinking":"x","signature":"` + signature + `"}]}`, "Invalid `signature`"},
	})
	refuses(t, "/v1/messages", `{"model":"small","messages":[{"role":"user","content":"hi"}],HERE}`, header, [][2]string{
		{`"max_tokens":5`, ""},
		{`"temperature":1`, "max_tokens: Field required"},
		{`"max_tokens":5,"stream_options":{}`, "stream_options: Extra inputs are not permitted"},
		{`"max_tokens":5,"metadata":{"trace":"x"}`, "metadata.trace: Extra inputs are not permitted"},
		{`"max_tokens":5,"temperature":1.5`, "temperature: range"},
		{`"max_tokens":2000,"thinking":{"type":"enabled","budget_tokens":1023}`, "greater than or equal to 1024"},
		{`"max_tokens":2000,"thinking":{"type":"enabled","budget_tokens":2000}`, "must be greater than `thinking.budget_tokens`"},
		{`"max_tokens":2000,"thinking":{"type":"enabled","budget_tokens":1024}`, ""},
		{`"max_tokens":2000,"thinking":{"type":"enabled","budget_tokens":1024},"temperature":0.5`, "may only be set to 1"},
		{`"max_tokens":5,"tools":[{"name":"x","parameters":{}}]`, "input_schema: Field required"},
		{`"max_tokens":5,"tool_choice":{"type":"any"}`, "while providing tools"},
		{`"max_tokens":5,"tool_choice":"auto"`, "tool_choice"},
		{`"max_tokens":5,"output_format":{"type":"json_object"}`, "json_schema"},
		{`"max_tokens":5,"output_format":{"type":"json_schema","schema":{"type":"object","properties":{}}}`, "'additionalProperties' must be explicitly set to false"},
		{`"max_tokens":5,"output_config":{"format":{"type":"json_schema","schema":{"type":"array","items":{"type":"number","minimum":5}}}}`, "'minimum' is not supported"},
		{`"max_tokens":5,"output_config":{"format":{"type":"json_schema","schema":{"type":"object","additionalProperties":false,"properties":{"minimum":{"type":"string"}}}}}`, ""},
		{`"max_tokens":5,"stop_sequences":["\n"]`, "non-whitespace"},
		{`"max_tokens":5,"tools":[{"name":"a.b","input_schema":{"type":"object"}}]`, "String should match pattern"},
		{`"max_tokens":5,"system":[` + strings.Repeat(`{"type":"text","text":"a","cache_control": {"type":"ephemeral"}},`, 4) +
			`{"type":"text","text":"b"}],"cache_control":{"type":"ephemeral"}`, "Found 5."},
	})
	_, server := start(t)
	f := func(header []string, status int, part string) {
		t.Helper()
		resp, text, _ := postTo(t, server+"/v1/messages", `{}`, header...)
		if resp.StatusCode != status || !strings.Contains(text, part) {
			t.Errorf("%v: %d %s", header, resp.StatusCode, text)
		}
	}
	f(nil, 401, `"authentication_error"`)
	f([]string{"X-Api-Key", "k"}, 400, "anthropic-version: header is required")
	f([]string{"X-Api-Key", "k", "Anthropic-Version", "2030"}, 400, "not a valid version")
}

func TestGeminiRefusals(t *testing.T) {
	header := []string{"X-Goog-Api-Key", "k"}
	const user, called = `{"role":"user","parts":[{"text":"hi"}]}`, `{"role":"model","parts":[{"functionCall":{"name":"x","args":{}}}]}`
	refuses(t, "/v1beta/models/small:generateContent", `{"contents":[HERE]}`, header, [][2]string{
		{user, ""},
		{``, "contents is not specified"},
		{user + `,` + user, "alternate between user and model"},
		{`{"role":"assistant","parts":[{"text":"hi"}]}`, "valid role: user, model"},
		{`{"role":"user","parts":[]}`, "must not be empty"},
		{`{"role":"user","parts":[{}]}`, "required oneof field 'data'"},
		{`{"role":"user","parts":[{"type":"text","text":"hi"}]}`, `Unknown name "type" at 'contents[0].parts[0]'`},
		{`{"role":"user","parts":[{"inlineData":{"mimeType":"image/png","data":"!"}}]}`, "Base64 decoding failed"},
		{`{"role":"user","parts":[{"functionResponse":{"name":"x","response":{}}}]}`, "immediately after a function call turn"},
		{user + `,` + called + `,` + user, "number of function response parts"},
		{user + `,` + called + `,{"role":"user","parts":[{"functionResponse":{"name":"x","response":"text"}}]}`, "google.protobuf.Struct"},
		{user + `,` + called + `,{"role":"user","parts":[{"functionResponse":{"name":"x","response":{"a":1}}}]}`, ""},
		{user + `,{"role":"model","parts":[{"text":"x","thoughtSignature":"AAAA"}]}`, "Thought signature is not valid"},
		{user + `,{"role":"model","parts":[{"text":"x","thoughtSignature":"skip_thought_signature_validator"}]}`, ""},
	})
	refuses(t, "/v1beta/models/small:generateContent?key=k", `{"contents":[`+user+`],HERE}`, nil, [][2]string{
		{`"generationConfig":{"maxOutputTokens":5}`, ""},
		{`"requesty":{}`, `Unknown name "requesty": Cannot find field.`},
		{`"generation_config":{"max_output_tokens":5,"thinking_config":{"include_thoughts":true}}`, ""},
		{`"generationConfig":{"max_tokens":5}`, `Unknown name "max_tokens" at 'generationConfig'`},
		{`"generationConfig":{"responseSchema":{"type":"OBJECT"}}`, "application/json"},
		{`"generationConfig":{"responseMimeType":"application/json","responseSchema":{"type":"OBJECT","additionalProperties":false}}`, `Unknown name "additionalProperties"`},
		{`"generationConfig":{"responseMimeType":"application/json","responseSchema":{"type":["string","null"]}}`, "not repeating"},
		{`"generationConfig":{"responseMimeType":"application/json","responseJsonSchema":{"type":"object","additionalProperties":false}}`, ""},
		{`"generationConfig":{"thinkingConfig":{"thinkingBudget":99999}}`, "thinking budget 99999 is invalid"},
		{`"tools":[{"functionDeclarations":[{"name":"x","parameters":{"type":"object","properties":{"a":{"$ref":"b"}}}}]}]`, `Unknown name "$ref"`},
		{`"toolConfig":{"functionCallingConfig":{"mode":"REQUIRED"}}`, "mode"},
	})
	_, server := start(t)
	resp, text, _ := postTo(t, server+"/v1beta/models/small:generateContent", `{}`)
	if resp.StatusCode != 403 || !strings.Contains(text, "PERMISSION_DENIED") {
		t.Errorf("without a key: %d %s", resp.StatusCode, text)
	}
	resp, text, _ = postTo(t, server+"/v1/projects/p/locations/l/publishers/google/models/small:streamGenerateContent", `{}`)
	if resp.StatusCode != 401 || !strings.HasPrefix(text, `[{"error":{"code":401`) {
		t.Errorf("without a token: %d %s", resp.StatusCode, text)
	}
}

func TestConverseRefusals(t *testing.T) {
	header := []string{"Authorization", "Bearer k"}
	const user = `{"role":"user","content":[{"text":"hi"}]}`
	const called = `{"role":"assistant","content":[{"toolUse":{"toolUseId":"a","name":"x","input":{}}}]}`
	const tools = `],"toolConfig":{"tools":[{"toolSpec":{"name":"x","inputSchema":{"json":{}}}}]`
	refuses(t, "/model/small/converse", `{"messages":[HERE]}`, header, [][2]string{
		{user, ""},
		{``, "must start with a user message"},
		{called, "must start with a user message"},
		{user + `,` + user, "must alternate"},
		{`{"role":"user","content":[]}`, "is empty"},
		{`{"role":"user","content":"hi"}`, "list of content blocks"},
		{`{"role":"user","content":[{"text":""}]}`, "is blank"},
		{`{"role":"user","content":[{"type":"text","text":"hi"}]}`, "exactly one member"},
		{`{"role":"user","content":[{"image_url":{}}]}`, "not known: image_url"},
		{`{"role":"user","content":[{"image":{"format":"image/png","source":{"bytes":""}}}]}`, "image.format"},
		{user + `,` + called + `,` + user, "Expected toolResult blocks at messages.2.content for the following Ids: a"},
		{user + `,{"role":"assistant","content":[{"reasoningContent":{"reasoningText":{"text":"x","signature":"` + signature + `"}}}]}`, "Invalid `signature`"},
		{user + `,` + called + `,{"role":"user","content":[{"toolResult":{"toolUseId":"a","content":[{"text":"x"}]}}]}`, "toolConfig field must be defined"},
	})
	refuses(t, "/model/small/converse", `{"messages":[HERE}}`, header, [][2]string{
		{user + `,` + called + `,{"role":"user","content":[{"toolResult":{"toolUseId":"a","content":[{"text":"x"}]}}]}` + tools, ""},
		{user + tools + `,"toolChoice":{"required":{}}`, "not known: required"},
		{user + `],"additionalModelRequestFields":{"thinking":{"type":"enabled","budget_tokens":5}`, "1024"},
		{user + `],"additionalModelRequestFields":{"stream_options":{}`, "stream_options: Extra inputs"},
		{user + `],"inferenceConfig":{"maxTokens":0`, "maxTokens"},
		{user + `],"model":{`, "does not know: model"},
	})
}

func TestOpenAIRefusals(t *testing.T) {
	refuses(t, "/v1/responses", `{"model":"small","input":HERE}`, nil, [][2]string{
		{`"hi"`, ""},
		{`[{"role":"user","content":"hi"}],"messages":[]`, "Unknown parameter: 'messages'"},
		{`"hi","previous_response_id":"resp_x"`, "Previous response with id 'resp_x' not found."},
		{`"hi","max_output_tokens":5`, "max_output_tokens"},
		{`[{"role":"tool","content":"hi"}]`, "Invalid value: 'tool'"},
		{`[{"role":"user","content":[{"type":"text","text":"hi"}]}]`, "Invalid value: 'text'"},
		{`[{"role":"user","content":[{"type":"input_image","image_url":{"url":"x"}}]}]`, "expected an image URL"},
		{`[{"type":"function_call_output","call_id":"a","output":"x"}]`, "No tool call found"},
		{`[{"type":"function_call","call_id":"a","name":"x","arguments":"{}"}]`, "No tool output found"},
		{`[{"type":"function_call","call_id":"a","name":"x","arguments":"{}"},{"type":"function_call_output","call_id":"a","output":"x"}]`, ""},
		{`[{"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"x"}],"encrypted_content":"enc_odd"}]`, "could not be verified"},
		{`"hi","tools":[{"type":"function","function":{"name":"x"}}]`, "tools[0].name"},
		{`"hi","text":{"format":{"type":"json_schema","schema":{}}}`, "text.format.name"},
		{`"hi","text":{"format":{"type":"json_schema","name":"x","strict":true,"schema":{"type":"object"}}}`, "additionalProperties"},
	})
	const calls = `{"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"x","arguments":"{}"}}]}`
	refuses(t, "/v1/chat/completions", `{"model":"small","messages":[{"role":"user","content":"hi"},HERE]}`, nil, [][2]string{
		{calls + `,{"role":"tool","tool_call_id":"a","content":"x"}`, ""},
		{calls, "must be followed by tool messages"},
		{calls + `,{"role":"user","content":"x"}`, "must be followed by tool messages"},
		{`{"role":"tool","tool_call_id":"a","content":"x"}`, "must be a response to"},
	})
	_, server := start(t)
	f := func(path string, header []string, status int, part string) {
		t.Helper()
		resp, text, _ := postTo(t, server+path, chatBody("huge", ""), header...)
		if resp.StatusCode != status || !strings.Contains(text, part) {
			t.Errorf("%s: %d %s", path, resp.StatusCode, text)
		}
	}
	f("/openai/deployments/small/chat/completions?api-version=1", nil, 401, "invalid subscription key")
	f("/openai/deployments/small/chat/completions", []string{"Api-Key", "k"}, 404, "Resource not found")
	f("/openai/deployments/small/chat/completions?api-version=1", []string{"Api-Key", "k"}, 200, "chatcmpl-")
	f("/openai/v1/chat/completions", []string{"Authorization", "Bearer k"}, 404, "DeploymentNotFound")
}
