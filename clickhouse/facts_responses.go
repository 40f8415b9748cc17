package clickhouse

import "weir/schemas"

// ResponseBlock is rows of the table responses.
type ResponseBlock struct {
	facts
	orgID, keyID, endpoint, model, provider names
	status                                  numbers[int32]
	errorKind                               names
	errorMessage                            text
	errorOrigin, finishReason               names
	latency, ttft, responseBytes            numbers[int64]
	clientDisconnected                      flags
	attempts                                attempts
}

// attempts are the tries of a call, as arrays of one length each row.
type attempts struct {
	provider, model array[*names]
	status          array[*numbers[int32]]
	errorKind       array[*names]
	tokens          [5]array[*numbers[int64]]
	cost            array[*money]
	ttft, latency   array[*numbers[int64]]
	upstreamID      array[*text]
	byok            array[*flags]
}

// NewResponseBlock returns an empty block.
func NewResponseBlock() *ResponseBlock {
	b := new(ResponseBlock)
	b.define("responses", append([]field{
		{"org_id", typeName, &b.orgID},
		{"key_id", typeName, &b.keyID},
		{"endpoint", typeName, &b.endpoint},
		{"model", typeName, &b.model},
		{"provider", typeName, &b.provider},
		{"status", "Int32", &b.status},
		{"error_kind", typeName, &b.errorKind},
		{"error_message", "String", &b.errorMessage},
		{"error_origin", typeName, &b.errorOrigin},
		{"finish_reason", typeName, &b.finishReason},
		{"latency_ms", typeMS, &b.latency},
		{"ttft_ms", typeMS, &b.ttft},
		{"response_bytes", "Int64", &b.responseBytes},
		{"client_disconnected", "Bool", &b.clientDisconnected},
	}, b.attempts.fields()...))
	return b
}

func (a *attempts) fields() []field {
	a.provider.items, a.model.items, a.errorKind.items = new(names), new(names), new(names)
	a.status.items = new(numbers[int32])
	a.cost.items = new(money)
	a.ttft.items, a.latency.items = new(numbers[int64]), new(numbers[int64])
	a.upstreamID.items = new(text)
	a.byok.items = new(flags)
	fields := []field{
		{"attempts.provider", typeNames, &a.provider},
		{"attempts.model", typeNames, &a.model},
		{"attempts.status", "Array(Int32)", &a.status},
		{"attempts.error_kind", typeNames, &a.errorKind},
		{"attempts.cost_usd", "Array(" + typeMoney + ")", &a.cost},
		{"attempts.ttft_ms", "Array(" + typeMS + ")", &a.ttft},
		{"attempts.latency_ms", "Array(" + typeMS + ")", &a.latency},
		{"attempts.upstream_id", "Array(String)", &a.upstreamID},
		{"attempts.byok", "Array(Bool)", &a.byok},
	}
	for i, kind := range [...]string{"input", "cached_input", "cache_write", "output", "reasoning"} {
		a.tokens[i].items = new(numbers[int64])
		fields = append(fields, field{"attempts." + kind + "_tokens", "Array(Int64)", &a.tokens[i]})
	}
	return fields
}

func (a *attempts) add(tries []*schemas.Attempt) {
	for _, try := range tries {
		a.provider.items.add(try.GetProvider())
		a.model.items.add(try.GetModel())
		a.status.items.add(try.GetStatus())
		a.errorKind.items.add(try.GetErrorKind())
		t := try.GetTokens()
		for i, n := range [...]int64{t.GetInput(), t.GetCachedInput(), t.GetCacheWrite(), t.GetOutput(), t.GetReasoning()} {
			a.tokens[i].items.add(n)
		}
		a.cost.items.add(try.GetCostPico())
		a.ttft.items.add(try.GetTtftUs())
		a.latency.items.add(try.GetLatencyUs())
		a.upstreamID.items.add(try.GetUpstreamId())
		a.byok.items.add(try.GetByok())
	}
	a.provider.end()
	a.model.end()
	a.status.end()
	a.errorKind.end()
	for i := range a.tokens {
		a.tokens[i].end()
	}
	a.cost.end()
	a.ttft.end()
	a.latency.end()
	a.upstreamID.end()
	a.byok.end()
}

func (b *ResponseBlock) empty() FactBlock { return NewResponseBlock() }

// Append adds the row of an event.
func (b *ResponseBlock) Append(o Origin, e *schemas.ResponseCompleted) {
	b.facts.add(o, e)
	b.orgID.add(e.GetOrgId())
	b.keyID.add(e.GetKeyId())
	b.endpoint.add(e.GetEndpoint())
	b.model.add(e.GetModel())
	b.provider.add(e.GetProvider())
	b.status.add(e.GetStatus())
	b.errorKind.add(e.GetErrorKind())
	b.errorMessage.add(e.GetErrorMessage())
	b.errorOrigin.add(e.GetErrorOrigin())
	b.finishReason.add(e.GetFinishReason())
	b.latency.add(e.GetLatencyUs())
	b.ttft.add(e.GetTtftUs())
	b.responseBytes.add(e.GetResponseBytes())
	b.clientDisconnected.add(e.GetClientDisconnected())
	b.attempts.add(e.GetAttempts())
}
