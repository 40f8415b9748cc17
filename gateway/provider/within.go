package provider

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"weir/gateway/apierror"
	"weir/gateway/genai"
)

// Within is the target in one of the regions that a call may reach: where the client
// named none and the provider's own is not one of them, the first that the provider is
// in. What is not known to be in one is in none.
func (t Target) Within(regions []string) (Target, *apierror.Error) {
	asked, named := t.Region, strings.Join(regions, ", ")
	if t.Region == "" || !slices.Contains(regions, t.Region) {
		t.Region = "" // it is not reached
		if t.Named {
			return t, apierror.New(apierror.RegionNotAllowed, fmt.Sprintf("The region %q is none of those that this API key may reach: %s. Name one of them, or none.", asked, named))
		}
		if i := slices.IndexFunc(regions, t.Provider.Has); i >= 0 {
			t.Region = regions[i]
		}
	}
	if t.Region == "" {
		return t, apierror.New(apierror.RegionNotAllowed, fmt.Sprintf("The provider %q is in none of the regions that this API key may reach: %s. "+
			"Call another provider, or have an owner or admin change the regions of the key or the organisation.", t.Provider.Name, named))
	}
	if over := t.spans(); over != "" && !slices.Contains(regions, over) {
		t.Region = ""
		return t, apierror.New(apierror.RegionNotAllowed, fmt.Sprintf("The model %q is an inference profile, which is served in any region of %q, and this API key may reach only %s. "+
			"Call the model without a profile, or have an owner or admin add that name to the regions.", t.Model, over, named))
	}
	return t, nil
}

// geography is that of an inference profile's name, such as eu.anthropic.claude-…: makers
// of models have longer names.
var geography = regexp.MustCompile(`^(global|apac|us-gov|[a-z]{2})\.[a-z0-9-]+\.`)

// staying is an ARN of what is served where it is called: others, such as application
// inference profiles and prompt routers, name what may be anywhere.
var staying = regexp.MustCompile(`:(foundation-model|custom-model|custom-model-deployment|provisioned-model|imported-model)/`)

// spans is the geography over which Bedrock spreads the calls of an inference profile,
// whatever the region of the address is; "" for a model, which stays. Of a profile that
// is known by its ARN alone it is "any".
func (t Target) spans() string {
	name, arn := t.Model, false
	switch {
	case t.Provider.Protocol.Name() != genai.Bedrock:
		return ""
	case strings.HasPrefix(name, "arn:"):
		arn = !staying.MatchString(name)
		name = name[strings.LastIndexByte(name, '/')+1:]
	}
	if found := geography.FindStringSubmatch(name); found != nil {
		return found[1]
	}
	if arn {
		return "any"
	}
	return ""
}
