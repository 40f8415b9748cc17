package clients_test

import "slices"

// The endpoints, by the names that the books have for them.
const (
	chat           = "chat.completions"
	messages       = "messages"
	responses      = "responses"
	embeddings     = "embeddings"
	images         = "images.generations"
	edits          = "images.edits"
	speech         = "audio.speech"
	transcriptions = "audio.transcriptions"
)

// endpoints are all of them, in the order of the table.
func endpoints() []string {
	return []string{chat, responses, messages, embeddings, images, edits, speech, transcriptions}
}

// The cases.
const (
	plain      = "plain"
	stream     = "stream"
	tool       = "tool"
	streamTool = "stream-tool" // a tool call that comes in pieces
	structured = "structured"
	turns      = "turns"    // a tool is called, and a second call brings its result
	thinking   = "thinking" // the same streamed, with signed thoughts that go back with the result
	moved      = "moved"    // the same, but the first turn was with Gemini, whose signatures nobody else takes
	failing    = "error"    // the provider's rate limit
	count      = "count"    // count_tokens, which uses nothing and costs nothing
)

// cases are all of them, in the order of the table.
func cases() []string {
	return []string{plain, stream, tool, streamTool, structured, turns, thinking, moved, failing, count}
}

// client is one client: what it calls, and with which cases.
type client struct {
	name string
	// at is the provider that it asks for, "" for the one of the endpoint's own protocol. The calls to each
	// provider have other options than those, since not all protocols can say the same.
	at string
	// body says that it can send fields which its interface does not know, and sends `requesty`.
	body  func(endpoint string) bool
	cases map[string][]string // by endpoint
}

// clientsOf are the clients of each family, which run.go knows how to start.
func clientsOf() map[string][]client {
	four := []string{plain, stream, tool, structured}
	six := []string{plain, stream, tool, streamTool, structured, failing}
	one, two := []string{plain}, []string{plain, stream}
	everywhere := func(string) bool { return true }
	nowhere := func(string) bool { return false }
	onChat := func(endpoint string) bool { return endpoint == chat }
	notInEmbeddings := func(endpoint string) bool { return endpoint != embeddings }
	openai := map[string][]string{chat: six, responses: six, embeddings: one}
	media := map[string][]string{
		chat: six, responses: six, embeddings: one, images: two, edits: one, speech: two, transcriptions: two,
	}
	anthropic := map[string][]string{messages: append(slices.Clone(six), count)}
	framework := map[string][]string{chat: four, responses: four, messages: four, embeddings: one}
	return map[string][]client{
		"python official": {
			{name: "openai-python", body: everywhere, cases: media},
			{name: "anthropic-python", body: everywhere, cases: anthropic},
			{name: "requests", body: everywhere, cases: map[string][]string{chat: four}},
		},
		"python langchain": {
			{name: "langchain", body: func(endpoint string) bool { return endpoint == chat || endpoint == responses }, cases: framework},
		},
		"python llamaindex": {{name: "llamaindex", body: onChat, cases: framework}},
		// Haystack's generator for Anthropic has no structured output.
		"python haystack": {
			{name: "haystack", body: onChat, cases: map[string][]string{chat: four, responses: four, messages: four[:3], embeddings: one}},
		},
		"python pydanticai": {{name: "pydantic-ai", body: notInEmbeddings, cases: framework}},
		"node official": {
			{name: "openai-node", body: everywhere, cases: media},
			{name: "anthropic-node", body: everywhere, cases: anthropic},
			{name: "axios", body: everywhere, cases: map[string][]string{chat: four}},
		},
		"node vercel": {
			{name: "ai-openai", body: nowhere, cases: map[string][]string{chat: four, responses: four, embeddings: one}},
			{name: "ai-openai-compatible", body: nowhere, cases: map[string][]string{chat: four}},
			{name: "ai-anthropic", body: nowhere, cases: map[string][]string{messages: four}},
		},
		"go openai":        {{name: "openai-go", body: everywhere, cases: openai}},
		"go anthropic":     {{name: "anthropic-go", body: everywhere, cases: anthropic}},
		"go claude-code":   claudeCodes(),
		"python protocols": crossing(),
	}
}

// claudeCodes are Claude Code with either base URL, with a provider of its own protocol and one of another.
func claudeCodes() (clients []client) {
	for _, name := range []string{"claude-code", "claude-code /anthropic"} {
		for _, at := range []string{"mock-anthropic", "mock"} {
			clients = append(clients, client{name: name, at: at, body: func(string) bool { return false },
				cases: map[string][]string{messages: {plain, stream, streamTool, count}}})
		}
	}
	return clients
}

// providers are those of the stack, one for each protocol, and which of them sign the thoughts that they tell.
func providers() map[string]bool {
	return map[string]bool{
		"mock": false, "mock-responses": true, "mock-anthropic": true, "mock-gemini": true, "mock-bedrock": true, "mock-azure": false,
	}
}

// movedFrom is where conversations come from that move.
const movedFrom = "mock-gemini"

// crossing are the official clients of each format, with a provider of each protocol.
func crossing() (clients []client) {
	for at, signs := range providers() {
		all := []string{plain, stream, streamTool, turns}
		signed := all
		if signs {
			signed = append(slices.Clone(all), thinking)
		}
		inResponses, inMessages := signed, signed
		switch at { // where the formats are the same, and requests pass as they are
		case "mock-responses":
			inResponses = append(slices.Clone(signed), moved)
		case "mock-anthropic":
			inMessages = append(slices.Clone(signed), moved)
		}
		everywhere := func(string) bool { return true }
		clients = append(clients,
			client{name: "openai-python", at: at, body: everywhere, cases: map[string][]string{chat: all, responses: inResponses}},
			client{name: "anthropic-python", at: at, body: everywhere, cases: map[string][]string{messages: inMessages}})
	}
	return clients
}
