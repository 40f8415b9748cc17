package provider

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// endpoint is where a provider is, region by region. It never changes.
type endpoint struct {
	home     *url.URL       // for calls that name no region; nil where base has {project}
	base     string         // home's text
	region   string         // home's, "" when it is not known
	template string         // of a region's base URL, "" for a provider without regions
	listed   []string       // the regions that there are; empty for any of the form
	form     *regexp.Regexp // of their names, nil for any
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
			if v.regionForm != "" {
				e.form = regexp.MustCompile("^(?:" + v.regionForm + ")$")
			}
		}
		if e.region == "" {
			e.region = v.region
		}
	}
	if strings.Contains(base, regionMark) {
		if e.template == "" {
			e.template = base
		}
		if e.region == "" {
			return nil, errors.New("region must say which one is called when a model names none, since base_url has " + regionMark)
		}
	}
	if e.region != "" && !IsRegion(e.region) {
		return nil, fmt.Errorf("region %q has a character beyond a-z, 0-9 and -", e.region)
	}
	for _, region := range e.listed {
		if !IsRegion(region) {
			return nil, fmt.Errorf("regions: %q has a character beyond a-z, 0-9 and -", region)
		}
	}
	if e.template != "" && !strings.Contains(e.template, regionMark) {
		return nil, errors.New("region_url has no " + regionMark)
	}
	e.base = withRegion(base, e.region)
	home, err := parseBase("base_url", withProject(e.base, "any"))
	if err != nil {
		return nil, err
	}
	if !strings.Contains(e.base, projectMark) {
		e.home = home
	}
	if e.template != "" {
		_, err = parseBase("region_url", withProject(withRegion(e.template, "any"), "any"))
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

// withProject fills the cloud project in.
func withProject(template, project string) string {
	return strings.ReplaceAll(template, projectMark, url.PathEscape(project))
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
	switch {
	case e.template == "":
		return false
	case len(e.listed) > 0:
		return slices.Contains(e.listed, region)
	}
	return e.form == nil || e.form.MatchString(region)
}

// in is the base URL of a region that the provider is in, "" for none named. Error:
// the project is not known.
func (e *endpoint) in(region, project string) (*url.URL, error) {
	text := e.base
	if region != "" && region != e.region {
		text = withRegion(e.template, region)
	} else if e.home != nil {
		return e.home, nil
	}
	if project == "" && strings.Contains(text, projectMark) {
		return nil, unsignedError{errNoProject}
	}
	return parseBase("base_url", withProject(text, project))
}

// IsRegion tells that a text has a region's form.
func IsRegion(text string) bool {
	return text != "" && text[0] >= 'a' && text[0] <= 'z' && strings.Trim(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}
