package catalog

// fast is a tier that OpenAI sells under two names: asked for as "fast" or
// "priority", answered as "priority".
func fast(num, den int64) []serviceTier {
	return []serviceTier{{"priority", num, den}, {"fast", num, den}}
}

// vendorTerms returns the table. Of one model, all lines that name it hold.
func vendorTerms() []terms {
	return []terms{
		// openai.com/api-fast-mode, formerly api-priority-processing: its prices of input,
		// cached input and output over the standard ones, one fraction for each model.
		{provider: "openai", models: []string{"gpt-5.6-sol", "gpt-5.6-terra", "gpt-5.6-luna", "gpt-5.4", "gpt-5.4-mini", "gpt-5.2", "gpt-5.1", "gpt-5", "gpt-4.1-nano"}, tiers: fast(2, 1)},
		{provider: "openai", models: []string{"gpt-5.5"}, tiers: fast(5, 2)},
		{provider: "openai", models: []string{"gpt-5-mini"}, tiers: fast(9, 5)},
		{provider: "openai", models: []string{"gpt-4.1", "gpt-4.1-mini", "gpt-4o-2024-05-13", "o3"}, tiers: fast(7, 4)},
		{provider: "openai", models: []string{"gpt-4o"}, tiers: fast(17, 10)},
		{provider: "openai", models: []string{"gpt-4o-mini"}, tiers: fast(5, 3)},
		{provider: "openai", models: []string{"o4-mini"}, tiers: fast(20, 11)},
		// platform.openai.com/docs/guides/flex-processing: tokens at the rates of the
		// Batch API, which are half of the standard ones. Scale tier is paid ahead
		// (openai.com/api-scale-tier); the books take its tokens at the list price.
		{provider: "openai", models: []string{"*"}, tiers: []serviceTier{{"flex", 1, 2}, {"scale", 1, 1}}},
		// platform.claude.com/docs/en/build-with-claude/data-residency: inference in the US
		// alone, which a workspace may have by default, is 1.1 times all prices of tokens;
		// models before Opus 4.6 do not have it. The priority tier is paid ahead.
		{provider: "anthropic", models: []string{"*"}, tiers: []serviceTier{{"standard@us", 11, 10}, {"priority", 1, 1}, {"priority@us", 11, 10}}},
		// platform.claude.com/docs/en/build-with-claude/fast-mode: six times the standard
		// rates of either size of prompt, and other factors on top.
		{provider: "anthropic", models: []string{"claude-opus-4-6"}, asked: []serviceTier{{"fast", 6, 1}, {"fast@us", 66, 10}}},
		// console.groq.com/docs/flex-processing: flex costs what on_demand does; and
		// performance-tier: paid ahead.
		{provider: "groq", models: []string{"*"}, tiers: []serviceTier{{"flex", 1, 1}, {"performance", 1, 1}}},

		// platform.openai.com/docs/guides/tools-web-search: in Chat Completions these
		// models always search before they answer.
		{provider: "openai", models: []string{"gpt-4o-search-preview*", "gpt-4o-mini-search-preview*", "gpt-5-search-api*"}, searches: 1},
		// docs.perplexity.ai/getting-started/pricing: as many searches as the research takes.
		{provider: "perplexity", models: []string{"sonar-deep-research*"}, searches: AnyNumber},
		// openrouter.ai/docs/features/web-search: a suffix that asks for searches, and
		// models that search by themselves, at prices that the catalog has none of.
		{provider: "openrouter", models: []string{"perplexity/*", "*:online", "openai/gpt-4o-search-preview*", "openai/gpt-4o-mini-search-preview*"}, searches: AnyNumber},

		// docs.x.ai/docs/api-reference: reasoning is counted beside completion_tokens, and
		// only max_completion_tokens is said to include it.
		{provider: "xai", models: []string{"*"}, apart: true},
		{provider: "openrouter", models: []string{"x-ai/*", "qwen/*"}, apart: true},
		// alibabacloud.com/help/en/model-studio/api-compatibility-upgrade-notice: before
		// qwen4-max-preview, max_tokens may bound the answer alone.
		{provider: "alibaba", models: []string{"*"}, apart: true},
		{provider: "dashscope", models: []string{"*"}, apart: true},
		{provider: "qwen", models: []string{"*"}, apart: true},
	}
}

// extra is a price that the pinned source lacks, or has wrong.
type extra struct {
	provider, prefix string // "" is every model
	unit, usd        string
}

// webSearches is the unit of searches that a provider runs for a model.
const webSearches = "web_searches"

// searchSources is a unit of our own: xAI's searches are billed by what they found.
const searchSources = "search_sources"

// extraTerms is part of the version of prices that hold one of extras.
const extraTerms = "+weir/1"

func extras() []extra {
	return []extra{
		// platform.openai.com/docs/pricing, built-in tools: web search preview with models
		// that do not reason is 25 dollars per 1,000 calls.
		{"openai", "gpt-4o-search-preview", webSearches, "25"},
		{"openai", "gpt-4o-mini-search-preview", webSearches, "25"},
		// docs.x.ai/docs/guides/live-search: 25 dollars per 1,000 sources used.
		{"xai", "", searchSources, "25"},
	}
}
