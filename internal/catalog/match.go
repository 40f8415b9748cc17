package catalog

import (
	"fmt"
	"regexp"
	"strings"
)

// rule says which model names an entry of the catalog is for; exactly one field
// is set. Names are compared in lower case, as genai-prices does. The zero rule
// matches nothing.
type rule struct {
	Equals     string
	StartsWith string `json:"starts_with"`
	EndsWith   string `json:"ends_with"`
	Contains   string
	Regex      string
	Or         []rule
	And        []rule
	Not        *rule

	regex *regexp.Regexp
}

// compile makes the rule and its parts ready to match.
func (r *rule) compile() error {
	if r.Regex != "" {
		var err error
		if r.regex, err = regexp.Compile(r.Regex); err != nil {
			return fmt.Errorf("compile match rule: %w", err)
		}
	}
	if r.Not != nil {
		return r.Not.compile()
	}
	for _, parts := range [2][]rule{r.Or, r.And} {
		for i := range parts {
			if err := parts[i].compile(); err != nil {
				return err
			}
		}
	}
	return nil
}

// matches reports whether name, in lower case, falls under the rule.
func (r *rule) matches(name string) bool {
	switch {
	case r.Equals != "":
		return name == r.Equals
	case r.StartsWith != "":
		return strings.HasPrefix(name, r.StartsWith)
	case r.EndsWith != "":
		return strings.HasSuffix(name, r.EndsWith)
	case r.Contains != "":
		return strings.Contains(name, r.Contains)
	case r.regex != nil:
		return r.regex.MatchString(name)
	case r.Not != nil:
		return !r.Not.matches(name)
	case len(r.And) > 0:
		for i := range r.And {
			if !r.And[i].matches(name) {
				return false
			}
		}
		return true
	}
	for i := range r.Or {
		if r.Or[i].matches(name) {
			return true
		}
	}
	return false
}

// compactDate finds -20260514 at the end of a part of a name.
var compactDate = regexp.MustCompile(`-(20\d{2})(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(-|:|$)`)

// spellDates writes such dates as -2026-05-14, the form that rules know.
func spellDates(name string) string {
	for {
		spelled := compactDate.ReplaceAllString(name, "-$1-$2-$3$4")
		if spelled == name {
			return name
		}
		name = spelled
	}
}
