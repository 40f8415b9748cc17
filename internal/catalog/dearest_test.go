package catalog

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/schemas"
)

// Whatever a call uses within the bounds, of whichever model and at whatever
// moment of the day that follows, it never costs more than was said.
func TestDearest(t *testing.T) {
	c := newCatalog(t, Config{Models: []ModelConfig{
		mock, {ID: "openai/gpt-4o", InputPrice: "1", CachedPrice: "3", OutputPrice: "2", ReasoningPrice: "1"},
	}})
	rnd := rand.New(rand.NewPCG(1, 2))
	ids := map[string][]string{"mock": {"small:"}}
	var names []string
	for _, p := range c.providers {
		for _, e := range p.models {
			ids[p.name] = append(ids[p.name], e.source.ID)
		}
	}
	for name := range ids {
		names = append(names, name)
	}
	slices.Sort(names)
	units := allUnits(c)
	tried := 0
	for range 20_000 {
		provider := names[rnd.IntN(len(names))]
		model := ids[provider][rnd.IntN(len(ids[provider]))]
		admitted := noon.AddDate(0, 0, rnd.IntN(1000)-700).Add(time.Duration(rnd.Int64N(int64(24 * time.Hour))))
		dearest, ok := c.Dearest(provider, model, "", admitted)
		if !ok {
			continue // another entry's rule takes the name, and has no price
		}
		tried++
		u := Use{Input: rnd.Int64N(500_000), Output: rnd.Int64N(100_000), Media: rnd.IntN(3) == 0, Units: map[string]int64{}}
		tokens, used := usageWithin(rnd, u, units)
		for name := range used {
			if !u.Media && (strings.Contains(name, "audio") || strings.Contains(name, "image") || strings.Contains(name, "video")) && strings.HasSuffix(name, "tokens") &&
				!strings.HasPrefix(name, "output") {
				delete(used, name)
			}
		}
		for name, n := range used {
			u.Units[name] = n + rnd.Int64N(2)
		}
		bound, err := dearest.Cost(u)
		if err != nil {
			t.Fatalf("%s/%s: %v", provider, model, err)
		}
		priced := admitted.Add(time.Duration(rnd.Int64N(int64(24 * time.Hour))))
		cost, _, err := price(t, c, provider, model, priced).Cost(tokens, used)
		if contradiction := (*UnitsError)(nil); err != nil && !errors.As(err, &contradiction) {
			t.Fatalf("%s/%s: %v", provider, model, err)
		}
		if cost > bound {
			t.Fatalf("%s/%s: %v and %v cost %s, the bound of %+v is %s", provider, model, tokens, used, cost, u, bound)
		}
	}
	if tried < 10_000 {
		t.Errorf("only %d usages had a price", tried)
	}
}

func allUnits(c *Catalog) (units []string) {
	for _, p := range c.providers {
		for _, e := range p.models {
			for _, d := range e.prices {
				for _, rate := range d.pricing.tiers {
					for _, u := range rate.units {
						if u.kind == byUnits && !slices.Contains(units, u.name) {
							units = append(units, u.name)
						}
					}
				}
			}
		}
	}
	slices.Sort(units)
	return units
}

// usageWithin splits the tokens of u among their kinds and makes up units.
func usageWithin(rnd *rand.Rand, u Use, units []string) (*schemas.Tokens, map[string]int64) {
	part := func(of *int64) int64 {
		n := rnd.Int64N(*of + 1)
		if rnd.IntN(3) == 0 {
			n = *of
		}
		*of -= n
		return n
	}
	input, output := u.Input, u.Output
	t := &schemas.Tokens{CachedInput: part(&input), CacheWrite: part(&input), Input: part(&input), Reasoning: part(&output), Output: part(&output)}
	used := map[string]int64{}
	for range rnd.IntN(3) {
		used[units[rnd.IntN(len(units))]] = rnd.Int64N(1 + []int64{3, u.Input, u.Output}[rnd.IntN(3)])
	}
	return t, used
}

// Every figure here was worked out by hand.
func TestDearestOfTheDay(t *testing.T) {
	c := newCatalog(t, Config{Models: []ModelConfig{{ID: "mock/small", InputPrice: "1", OutputPrice: "2"}}})
	of := func(model string, use Use, want string) {
		t.Helper()
		provider := map[string]string{"small": "mock", "gemini-2.5-flash": "google", "claude-sonnet-4-5": "anthropic"}[model]
		d, ok := c.Dearest(provider, model, "default", noon)
		if !ok {
			t.Fatalf("%s has no price", model)
		}
		if got, err := d.Cost(use); err != nil || got.String() != want {
			t.Errorf("%s: %+v costs at most %s, %v; want %s", model, use, got, err, want)
		}
	}
	of("small", Use{Input: 1000, Output: 1000}, "0.003")
	// claude-sonnet-4-5: an hour's cache write 6 and output 15, above 200,000
	// tokens 12 and 22.5; all 1.1 times where the workspace is in the US.
	of("claude-sonnet-4-5", Use{Input: 1000, Output: 1000}, "0.0231")
	of("claude-sonnet-4-5", Use{Input: 200_001, Output: 1000}, "2.6647632")
	// gemini-2.5-flash: 0.3, of audio 1.
	of("gemini-2.5-flash", Use{Input: 1000}, "0.0003")
	of("gemini-2.5-flash", Use{Input: 1000, Media: true}, "0.001")
	of("claude-sonnet-4-5", Use{Units: map[string]int64{"web_searches": 3}}, "0.03")
	if _, ok := c.Dearest("mock", "large", "", noon); ok {
		t.Error("a model without a price has a dearest one")
	}
	if context, output := c.Window("mock", "small"); context != 0 || output != 0 {
		t.Errorf("the window of mock/small is %d, %d", context, output)
	}
}

// A price that begins within the day counts, one that begins later does not.
func TestDearestOfWhatComes(t *testing.T) {
	at := func(input int64) *Pricing {
		p := schemas.Price{Pico: input, Per: 1}
		return &Pricing{tiers: []tier{{above: -1, dearestText: p}}}
	}
	list := []dated{{pricing: at(1)}, {from: noon.Add(12 * time.Hour).Unix(), pricing: at(2)}, {from: noon.Add(36 * time.Hour).Unix(), pricing: at(4)},
		{daily: true, start: 6 * 3600, end: 7 * 3600, pricing: at(3)}}
	for _, f := range []struct {
		name string
		list []dated
		want schemas.Pico
	}{{"always", list[:1], 1}, {"from midnight", list[:2], 2}, {"from the day after", list[:3], 2}, {"in the morning", list, 3}} {
		got, err := Dearest{[][]dated{f.list}, noon.Unix()}.Cost(Use{Input: 1})
		if err != nil || got != f.want {
			t.Errorf("%s: %d, %v; want %d", f.name, got, err, f.want)
		}
	}
}
