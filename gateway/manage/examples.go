package manage

import (
	"encoding/json"

	"github.com/danielgtaylor/huma/v2"
)

// body is the request body of an operation, as far as it is known before huma has
// read the fields: an example, which a reader of the page sends as it stands
// instead of one made of "string". Nil for an operation that has no body.
func body(operation string) *huma.RequestBody {
	example, ok := examples()[operation]
	if !ok {
		return nil
	}
	return &huma.RequestBody{Content: map[string]*huma.MediaType{"application/json": {Example: json.RawMessage(example)}}}
}

// examples are bodies by operation. Each is accepted as it is, where the things
// that it names exist; a test sends them all.
func examples() map[string]string {
	const limits = `"limits": {"budgets": [{"window": "month", "limit": "50"}], "requests_per_minute": 60}`
	return map[string]string{
		"create-api-key":     `{"name": "ci", "limits": {"budgets": [{"window": "day", "limit": "5"}], "requests_per_minute": 60}}`,
		"update-api-key":     `{"name": "ci", ` + limits + `}`,
		"set-api-key-limit":  `{"monthly_limit": "50"}`,
		"set-api-key-labels": `{"labels": {"team": "search"}}`,
		"set-api-key-expiry": `{"expires_at": "2099-12-31T00:00:00Z"}`,
		"rotate-api-key":     `{"overlap": "24h"}`,

		"create-group":          `{"name": "search", "monthly_budget": "100", "monthly_budget_per_user": "10"}`,
		"update-group":          `{"monthly_budget": "200"}`,
		"add-group-member":      `{"user_id": "mem_of_a_member", "role": "member"}`,
		"remove-group-member":   `{"user_id": "mem_of_a_member"}`,
		"set-group-member-role": `{"role": "admin"}`,

		"create-access-list": `{"name": "small models", "chat": ["openai/gpt-5-mini", "mock/*"]}`,
		"update-access-list": `{"chat": ["openai/*@eu", "mock/*"]}`,

		"create-credential": `{"provider": "openai", "api_key": "sk-of-our-own-account"}`,
		"update-credential": `{"api_key": "sk-of-our-own-account"}`,

		"create-member": `{"email": "ada@example.com", "name": "Ada", "role": "member"}`,
		"update-member": `{"role": "admin"}`,

		"create-project": `{"name": "search", ` + limits + `}`,
		"update-project": `{` + limits + `}`,
		"set-user":       `{` + limits + `}`,

		"update-org": `{"regions": ["eu", "eu-west-1"], "user_limits": {"budgets": [{"window": "day", "limit": "1"}]}}`,
		"create-org": `{"name": "acme", "owner": {"email": "ada@example.com", "name": "Ada"}}`,
		"credit-org": `{"amount": "100", "reason": "invoice 1042"}`,
	}
}
