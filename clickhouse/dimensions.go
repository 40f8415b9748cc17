package clickhouse

import (
	"maps"
	"slices"

	"weir/schemas"
)

// dimensions are the columns that say who called what, the same in requests and
// in usage.
type dimensions struct {
	orgID, project, groupID, keyID, memberID names
	userID, traceID                          text
	tags                                     array[*names]
	extra                                    mapping[*names, *text]
	originReferer, originTitle               names
	endpoint, requestedModel, policy         names
	stream                                   flags

	sorted []string // scratch for the names of extra
}

func (d *dimensions) fields() []field {
	d.tags.items = new(names)
	d.extra.keys, d.extra.values = new(names), new(text)
	return []field{
		{"org_id", typeName, &d.orgID},
		{"project", typeName, &d.project},
		{"group_id", typeName, &d.groupID},
		{"key_id", typeName, &d.keyID},
		{"member_id", typeName, &d.memberID},
		{"user_id", "String", &d.userID},
		{"trace_id", "String", &d.traceID},
		{"tags", typeNames, &d.tags},
		{"extra", "Map(LowCardinality(String), String)", &d.extra},
		{"origin_referer", typeName, &d.originReferer},
		{"origin_title", typeName, &d.originTitle},
		{"endpoint", typeName, &d.endpoint},
		{"requested_model", typeName, &d.requestedModel},
		{"policy", typeName, &d.policy},
		{"stream", "Bool", &d.stream},
	}
}

func (d *dimensions) add(e *schemas.Dimensions) {
	d.orgID.add(e.GetOrgId())
	d.project.add(e.GetProject())
	d.groupID.add(e.GetGroupId())
	d.keyID.add(e.GetKeyId())
	d.memberID.add(e.GetMemberId())
	d.userID.add(e.GetUserId())
	d.traceID.add(e.GetTraceId())
	for _, tag := range e.GetTags() {
		d.tags.items.add(tag)
	}
	d.tags.end()
	d.addExtra(e.GetExtra())
	d.originReferer.add(e.GetOriginReferer())
	d.originTitle.add(e.GetOriginTitle())
	d.endpoint.add(e.GetEndpoint())
	d.requestedModel.add(e.GetRequestedModel())
	d.policy.add(e.GetPolicy())
	d.stream.add(e.GetStream())
}

// addExtra adds the entries in the order of their names, so that a repeat of a
// batch is the same bytes.
func (d *dimensions) addExtra(extra map[string]string) {
	if len(extra) > 0 {
		d.sorted = slices.AppendSeq(d.sorted[:0], maps.Keys(extra))
		slices.Sort(d.sorted)
		for _, name := range d.sorted {
			d.extra.keys.add(name)
			d.extra.values.add(extra[name])
		}
	}
	d.extra.end()
}

// tokens are the five disjoint kinds, each in a column of its own.
type tokens struct {
	input, cachedInput, cacheWrite, output, reasoning numbers[int64]
}

func (t *tokens) fields() []field {
	return []field{
		{"input_tokens", "Int64", &t.input},
		{"cached_input_tokens", "Int64", &t.cachedInput},
		{"cache_write_tokens", "Int64", &t.cacheWrite},
		{"output_tokens", "Int64", &t.output},
		{"reasoning_tokens", "Int64", &t.reasoning},
	}
}

func (t *tokens) add(e *schemas.Tokens) {
	t.input.add(e.GetInput())
	t.cachedInput.add(e.GetCachedInput())
	t.cacheWrite.add(e.GetCacheWrite())
	t.output.add(e.GetOutput())
	t.reasoning.add(e.GetReasoning())
}
