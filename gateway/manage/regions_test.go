package manage_test

import (
	"strings"
	"testing"
)

func TestRegions(t *testing.T) {
	w := start(t)
	company(w, "a")
	var org struct{ Regions []string }
	w.ok(&org, "a-owner", "PATCH", "org", `{"regions":["eu","eu-west-1"]}`)
	if strings.Join(org.Regions, " ") != "eu eu-west-1" {
		t.Errorf("got %v", org)
	}
	w.ok(&org, "a-owner", "PATCH", "org", `{"name":"n"}`)
	if len(org.Regions) != 2 {
		t.Errorf("another field took the pins away: %v", org)
	}
	for body, field := range map[string]string{
		`{"regions":["EU"]}`:                                             "regions[0]",
		`{"regions":["eu",""]}`:                                          "regions[1]",
		`{"regions":["eu","eu"]}`:                                        "regions[1]",
		`{"regions":["2eu"]}`:                                            "regions[0]",
		`{"regions":["` + strings.Repeat("e", 300) + `"]}`:               "regions[0]",
		`{"regions":["` + strings.Repeat(`e","`, 64) + `e"]}`:            "regions",
		`{"regions":["europe west4"],"access_list_id":"acl_of_nothing"}`: "regions[0]",
	} {
		w.fails(400, field, "a-owner", "PATCH", "org", body)
	}
	w.fails(403, "", "a-member", "PATCH", "org", `{"regions":[]}`)

	// A key's are within its organisation's, and not for those to change who use it.
	var created struct {
		ID string `json:"api_key_id"`
	}
	w.ok(&created, "a-owner", "POST", "apikey", `{"name":"k","regions":["eu"]}`)
	var key struct{ Regions []string }
	w.ok(&key, "a-owner", "GET", "apikey/"+created.ID, "")
	if strings.Join(key.Regions, " ") != "eu" {
		t.Errorf("got %v", key)
	}
	w.fails(400, "regions[1]", "a-owner", "POST", "apikey", `{"name":"k","regions":["eu","us"]}`)
	w.fails(400, "regions[0]", "a-owner", "PATCH", "apikey/"+created.ID, `{"regions":["us"]}`)
	w.ok(&created, "a-member", "POST", "apikey", `{"name":"mine"}`)
	w.fails(403, "", "a-member", "PATCH", "apikey/"+created.ID, `{"regions":["eu"]}`)
	w.fails(403, "", "a-member", "POST", "apikey", `{"name":"k","regions":["eu"]}`)
	w.ok(&key, "a-owner", "PATCH", "apikey/"+created.ID, `{"regions":["eu-west-1"]}`)
	w.ok(nil, "a-member", "PATCH", "apikey/"+created.ID, `{"regions":["eu-west-1"]}`) // which it has
	w.fails(403, "", "a-member", "PATCH", "apikey/"+created.ID, `{"regions":[]}`)
	if a := w.ok(nil, "a-owner", "GET", "org/audit", ""); !strings.Contains(a.body, `"regions":["eu-west-1"]`) || !strings.Contains(a.body, `"regions":["eu","eu-west-1"]`) {
		t.Errorf("the audit trail is %s", a.body)
	}
}

func TestAccessListEntriesOfRegions(t *testing.T) {
	w := start(t)
	company(w, "a")
	for _, entry := range []string{"mock/small@eu", "mock/*@eu-west-1", "cf/@cf/llama", "mock/claude@20240620"} {
		w.ok(nil, "a-owner", "POST", "access-list", `{"name":"l","chat":["`+entry+`"],"speech":["`+entry+`"]}`)
	}
	for _, entry := range []string{"mock/*@", "mock/*@EU", "mock/*x@eu", "mock*/x@eu"} {
		w.fails(400, "image[0]", "a-owner", "POST", "access-list", `{"name":"l","image":["`+entry+`"]}`)
	}
}
