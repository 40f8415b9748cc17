package provider

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// endpoint is where a provider is, region by region. It never changes.
type endpoint struct {
	home     *url.URL // for calls that name no region
	region   string   // home's, "" when it is not known
	template string   // of a region's base URL, "" for a provider without regions
	listed   []string // the regions that there are; empty for any
}

const (
	regionMark  = "{region}"
	projectMark = "{project}"
)

// endpointOf reads where a provider is. An error names the field.
func endpointOf(c Config, v vendor) (*endpoint, error) {
	e := &endpoint{region: c.Region, template: c.RegionURL, listed: c.Regions}
	base := c.BaseURL
	if base == "" {
		if base = v.baseURL; e.template == "" {
			e.template = v.regionURL
		}
		if e.region == "" {
			e.region = v.region
		}
	}
	if strings.Contains(base, projectMark) && c.Project == "" {
		return nil, errors.New("project must name the cloud project that the base URL has " + projectMark + " for")
	}
	project := url.PathEscape(c.Project)
	base, e.template = strings.ReplaceAll(base, projectMark, project), strings.ReplaceAll(e.template, projectMark, project)
	if strings.Contains(base, regionMark) {
		if e.template == "" {
			e.template = base
		}
		if e.region == "" {
			return nil, errors.New("region must say which one is called when a model names none, since base_url has " + regionMark)
		}
	}
	if e.region != "" && !isRegion(e.region) {
		return nil, fmt.Errorf("region %q has a character beyond a-z, 0-9 and -", e.region)
	}
	for _, region := range e.listed {
		if !isRegion(region) {
			return nil, fmt.Errorf("regions: %q has a character beyond a-z, 0-9 and -", region)
		}
	}
	if e.template != "" && !strings.Contains(e.template, regionMark) {
		return nil, errors.New("region_url has no " + regionMark)
	}
	var err error
	if e.home, err = parseBase("base_url", withRegion(base, e.region)); err != nil {
		return nil, err
	}
	if e.template != "" {
		_, err = parseBase("region_url", withRegion(e.template, "any"))
	}
	return e, err
}

// withRegion fills a region in. The global one of Google has no name in the host.
func withRegion(template, region string) string {
	if region == "global" {
		template = strings.Replace(template, regionMark+"-", "", 1)
	}
	return strings.ReplaceAll(template, regionMark, region)
}

func parseBase(field, text string) (*url.URL, error) {
	base, err := url.Parse(strings.TrimRight(text, "/"))
	switch {
	case err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https":
		return nil, fmt.Errorf("%s %q is not a URL such as https://api.openai.com/v1", field, text)
	case base.User != nil || base.Fragment != "":
		return nil, fmt.Errorf("%s must not hold credentials or a fragment", field)
	}
	return base, nil
}

// has tells whether the provider is in a region.
func (e *endpoint) has(region string) bool {
	if region == e.region {
		return true
	}
	return e.template != "" && (len(e.listed) == 0 || slices.Contains(e.listed, region))
}

// in is the base URL of a region that the provider is in, "" for none named.
func (e *endpoint) in(region string) *url.URL {
	if region == "" || region == e.region {
		return e.home
	}
	u, err := url.Parse(strings.TrimRight(withRegion(e.template, region), "/"))
	if err != nil {
		return e.home // not reached: the template was tried, and a region has no special characters
	}
	return u
}

// isRegion tells that a text has a region's form.
func isRegion(text string) bool {
	return text != "" && text[0] >= 'a' && text[0] <= 'z' && strings.Trim(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}
