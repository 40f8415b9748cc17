package provider

import "weir/gateway/genai"

// vendor is what is known of a vendor, so that a provider of its name needs no more
// configuration than a key. A vendor is a line of this table; what its models are and
// cost is the catalog's.
type vendor struct {
	protocol string // "" for openai-chat
	// baseURL may hold {region} and {project}.
	baseURL string
	// region is the one for baseURL when a call names none; "" where the vendor has a
	// base URL of no region, or no regions at all.
	region string
	// regionURL is the base URL of a region where that is another one than baseURL.
	regionURL string
	// regionForm is what the names of its regions look like, as a regular expression of
	// the whole of one; "" for any. A pin of several clouds finds each its own by it.
	regionForm string
	auth       string // "" for the protocol's own
	limit      string // the field that limits the output, "" for max_tokens
	catalog    string // the catalog's name, "" for the vendor's
}

// vendors are the known ones. Base URLs are from the vendors' API references.
func vendors() map[string]vendor {
	return map[string]vendor{
		"openai":     {baseURL: "https://api.openai.com/v1", regionURL: "https://{region}.api.openai.com/v1", regionForm: `[a-z]{2}`, limit: "max_completion_tokens"},
		"anthropic":  {protocol: genai.Anthropic, baseURL: "https://api.anthropic.com/v1"},
		"google":     {protocol: genai.Gemini, baseURL: "https://generativelanguage.googleapis.com/v1beta"},
		"vertex":     {protocol: genai.Gemini, baseURL: vertexURL, region: "global", regionForm: `global|[a-z]+-[a-z]+[0-9]+`, auth: authOAuth, catalog: "google"},
		"bedrock":    {protocol: genai.Bedrock, baseURL: "https://bedrock-runtime.{region}.amazonaws.com", region: "us-east-1", regionForm: awsRegion, auth: authAWS},
		"azure":      {auth: authEntra, limit: "max_completion_tokens"}, // the base URL is the resource's
		"mistral":    {baseURL: "https://api.mistral.ai/v1"},
		"deepseek":   {baseURL: "https://api.deepseek.com/v1"},
		"xai":        {baseURL: "https://api.x.ai/v1", regionURL: "https://{region}.api.x.ai/v1", regionForm: awsRegion, limit: "max_completion_tokens"},
		"groq":       {baseURL: "https://api.groq.com/openai/v1", limit: "max_completion_tokens"},
		"together":   {baseURL: "https://api.together.xyz/v1"},
		"fireworks":  {baseURL: "https://api.fireworks.ai/inference/v1"},
		"deepinfra":  {baseURL: "https://api.deepinfra.com/v1/openai"},
		"novita":     {baseURL: "https://api.novita.ai/openai/v1"},
		"nebius":     {baseURL: "https://api.tokenfactory.nebius.com/v1", catalog: "huggingface_nebius"},
		"perplexity": {baseURL: "https://api.perplexity.ai"},
		"cohere":     {baseURL: "https://api.cohere.ai/compatibility/v1"},
		"alibaba":    {baseURL: "https://dashscope-intl.aliyuncs.com/compatible-mode/v1"},
		"minimax":    {baseURL: "https://api.minimax.io/v1"},
		"moonshot":   {baseURL: "https://api.moonshot.ai/v1"},
		"openrouter": {baseURL: "https://openrouter.ai/api/v1"},
		"cerebras":   {baseURL: "https://api.cerebras.ai/v1", limit: "max_completion_tokens"},
		"ollama":     {baseURL: "http://127.0.0.1:11434/v1"},
		"vllm":       {baseURL: "http://127.0.0.1:8000/v1"},
	}
}

// vertexURL is Vertex AI's; its global endpoint has no region in the host's name.
const vertexURL = "https://{region}-aiplatform.googleapis.com/v1/projects/{project}/locations/{region}"

// awsRegion is the form of AWS's regions, such as eu-west-1 and us-gov-east-1.
const awsRegion = `[a-z]{2}(-[a-z]+)+-[0-9]+`
