package genai

import (
	"fmt"
	"strconv"

	"weir/gateway/apierror"
)

// Feature is something that a request may ask for and not every protocol can say.
type Feature uint8

// The features of the table.
const (
	TopK Feature = iota
	Seed
	Penalties
	StopSequences
	ManyChoices
	LogProbabilities
	SerialTools // parallel_tool_calls: false
	NoTools     // tool_choice: none
	JSONObject
	JSONSchema
	Effort
	Verbosity
	Tier
	ImageURL
	ImageFile // by the id of a file
	FileData
	FileURL
	FileID
	ForeignFile // the id of a file that lies with another provider
	AudioInput
	WebSearch
	ServerTools // others
	ServerSteps // what they did earlier in the conversation
	CustomTools
	SpeakerName // name of a message
	CacheBreakpoint
	CitationsAsked
	CitationsGiven // in earlier answers
	ForeignProof   // thinking that another protocol signed
	UseLimit       // how often a tool that the provider runs may run
	EndUser        // the client's own
	StrictTools    // arguments that follow their schema to the letter
	ImageDetail    // how closely to look
	Unknown        // a field that the target does not know
	FeatureCount
)

// Verdict is what becomes of a feature.
type Verdict uint8

// The verdicts.
const (
	Kept    Verdict = iota
	Dropped         // with a warning
	Refused         // with 400
)

// String says it in words.
func (v Verdict) String() string {
	switch v {
	case Dropped:
		return "left out, with a warning"
	case Refused:
		return "refused (400)"
	}
	return "yes"
}

// The protocols, by the names that they have in weir.yaml.
const (
	Chat      = "openai-chat"
	Responses = "openai-responses"
	Anthropic = "anthropic"
	Gemini    = "gemini"
	Bedrock   = "bedrock-converse"
)

// Protocols lists them in the order of the table's columns.
func Protocols() [5]string { return [5]string{Chat, Responses, Anthropic, Gemini, Bedrock} }

// row is a line of the table: what each protocol, in the order of Protocols, makes of
// a feature, the field that a client set in each format that clients speak (the first
// three protocols), and what to do instead.
type row struct {
	name     string
	verdicts string // K, D or R
	fields   [3]string
	remedy   string
}

// table is what protocols cannot do. A field that holds a %d is the message's, and the
// number its place.
func table(f Feature) row {
	one := func(name string) [3]string { return [3]string{name, name, name} }
	content := [3]string{"messages[%d].content", "input[%d].content", "messages[%d].content"}
	item := [3]string{"messages[%d]", "input[%d]", "messages[%d].content"}
	switch f {
	case TopK:
		return row{"top_k", "DDKKK", one("top_k"), ""}
	case Seed:
		return row{"seed", "KDDKD", one("seed"), ""}
	case Penalties:
		return row{"presence and frequency penalties", "KDDKD", one("presence_penalty"), ""}
	case StopSequences:
		return row{"stop sequences", "KRKKK", [3]string{"stop", "stop", "stop_sequences"}, "leave it out, or choose a model that is reached another way"}
	case ManyChoices:
		return row{"several choices", "KRRKR", one("n"), "send the request as often as you want answers"}
	case LogProbabilities:
		return row{"log-probabilities", "KKRKR", [3]string{"logprobs", "top_logprobs", "logprobs"}, "leave it out"}
	case SerialTools:
		return row{"one tool call at a time", "KKKDD", [3]string{"parallel_tool_calls", "parallel_tool_calls", "tool_choice.disable_parallel_tool_use"}, ""}
	case NoTools:
		return row{"tools that must not be used", "KKKKD", one("tool_choice"), ""}
	case JSONObject:
		return row{"any JSON object", "KKRKR", [3]string{"response_format", "text.format", "output_format"}, "give a json_schema"}
	case JSONSchema:
		return row{"structured output", "KKKKK", [3]string{"response_format", "text.format", "output_format"}, ""}
	case Effort:
		return row{"reasoning", "KKKKK", [3]string{"reasoning_effort", "reasoning", "thinking"}, ""}
	case Verbosity:
		return row{"verbosity", "KKDDD", [3]string{"verbosity", "text.verbosity", "verbosity"}, ""}
	case Tier:
		return row{"service tier", "KKKKK", one("service_tier"), ""}
	case ImageURL:
		return row{"images by URL", "KKKKR", content, "send the image as data (a data: URL, or base64)"}
	case ImageFile:
		return row{"images by file id", "RKRRR", content, "send the image as data (a data: URL, or base64)"}
	case FileData:
		return row{"files", "KKKKK", content, ""}
	case FileURL:
		return row{"files by URL", "RKKKR", content, "send the file as base64"}
	case FileID:
		return row{"files by id", "KKRRR", content, "send the file as base64"}
	case ForeignFile:
		return row{"files that lie with another provider", "RRRRR", content, "send the file as base64: its id means nothing to this provider"}
	case AudioInput:
		return row{"audio", "KRRKR", content, "choose a model that hears"}
	case WebSearch:
		return row{"web search", "KKKKR", [3]string{"web_search_options", "tools", "tools"}, "leave the tool out"}
	case ServerTools:
		return row{"other tools that the provider runs", "RRRRR", one("tools"), "leave the tool out, or choose a model of the provider that has it"}
	case ServerSteps:
		return row{"what such tools did earlier", "DDDDD", item, ""}
	case CustomTools:
		return row{"custom tools", "KKRRR", one("tools"), "declare it as a function with a JSON schema"}
	case SpeakerName:
		return row{"names of speakers", "KDDDD", [3]string{"messages[%d].name", "input[%d].name", "messages[%d].name"}, ""}
	case CacheBreakpoint:
		return row{"prompt cache breakpoints", "DDKDK", [3]string{"messages[%d].cache_control", "input[%d].cache_control", "cache_control"}, ""}
	case CitationsAsked:
		return row{"citations of documents", "DDKDK", [3]string{"citations", "citations", "messages[%d].content.citations"}, ""}
	case CitationsGiven:
		return row{"citations in earlier answers", "DKKDD", [3]string{"messages[%d].annotations", "input[%d].content.annotations", "messages[%d].content.citations"}, ""}
	case ForeignProof:
		return row{"thinking signed by another provider", "DDDDD", item, ""}
	case UseLimit:
		return row{"limit on how often its tools run", "RKKRR", [3]string{"tools", "max_tool_calls", "tools"}, "leave the limit out"}
	case EndUser:
		return row{"end users", "KKKDD", [3]string{"user", "user", "metadata.user_id"}, ""}
	case StrictTools:
		return row{"strict tools", "KKKKK", [3]string{"tools.function.strict", "tools.strict", "tools.strict"}, ""}
	case ImageDetail:
		return row{"image detail", "KKDDD", [3]string{"messages[%d].content.image_url.detail", "input[%d].content.detail", "messages[%d].content"}, ""}
	default:
		return row{"fields that the provider does not know", "DDDDD", one(""), ""}
	}
}

// Of returns what a protocol makes of a feature.
func (f Feature) Of(protocol string) Verdict {
	for i, name := range Protocols() {
		if name == protocol {
			switch table(f).verdicts[i] {
			case 'D':
				return Dropped
			case 'R':
				return Refused
			}
		}
	}
	return Kept
}

// String is the feature in words.
func (f Feature) String() string { return table(f).name }

// Fit makes a request one that a protocol can say: what the table drops is taken out,
// with a warning that names the client's field for each, and what it refuses is the
// error. knows tells which of r.Extra the protocol takes. A request that is already in
// the protocol's own format needs no fitting.
func Fit(r *Request, protocol string, knows func(name string) bool) (warnings []string, e *apierror.Error) {
	var done [FeatureCount]bool
	inspect(r, protocol, func(f Feature, index int) {
		verdict := f.Of(protocol)
		if e != nil || done[f] || verdict == Kept {
			return
		}
		done[f] = true
		t := table(f)
		field := r.field(t.fields, index)
		if verdict == Refused {
			e = apierror.Invalid(field, fmt.Sprintf("The provider of this model cannot do what '%s' asks for (%s): %s.", field, t.name, t.remedy))
			return
		}
		warnings = append(warnings, field+" was left out: the provider of this model has no "+t.name)
	})
	if e != nil {
		return nil, e
	}
	for f, there := range done {
		if there {
			drop(r, Feature(f), protocol)
		}
	}
	kept := r.Extra[:0:0]
	for _, field := range r.Extra {
		if field.Name != "" && knows(field.Name) {
			kept = append(kept, field)
		} else {
			warnings = append(warnings, printable(field.Name)+" was left out: the provider of this model does not know it")
		}
	}
	r.Extra = kept
	return warnings, nil
}

// printable is a client's name for a field as a header may hold it.
func printable(name string) string {
	quoted := strconv.QuoteToASCII(name[:min(len(name), 64)])
	return quoted[1 : len(quoted)-1]
}

// field is the name of the client's field.
func (r *Request) field(fields [3]string, index int) string {
	name := fields[0]
	for i, protocol := range Protocols() {
		if i < len(fields) && protocol == r.From {
			name = fields[i]
		}
	}
	for i := range len(name) - 1 {
		if name[i:i+2] == "%d" {
			if index < 0 {
				return "system"
			}
			return name[:i] + strconv.Itoa(index) + name[i+2:]
		}
	}
	return name
}
