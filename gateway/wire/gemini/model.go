package gemini

import "strings"

// family is what of a model's name decides how it is told to think.
type family struct {
	major, minor int // of its version; 0, 0 where the name has none
	pro, lite    bool
}

// familyOf reads a name like gemini-2.5-flash-lite-001.
func familyOf(model string) family {
	f := family{pro: strings.Contains(model, "-pro"), lite: strings.Contains(model, "-lite")}
	rest, found := strings.CutPrefix(model, "gemini-")
	if !found {
		return f
	}
	var n [2]int
	part := 0
	for i := range len(rest) {
		switch c := rest[i]; {
		case c >= '0' && c <= '9' && n[part] < 100:
			n[part] = n[part]*10 + int(c-'0')
			continue
		case c == '.' && part == 0:
			part = 1
			continue
		}
		break
	}
	f.major, f.minor = n[0], n[1]
	return f
}

// levels tells that the model takes a thinkingLevel: from Gemini 3 on, and names
// without a version (gemini-flash-latest), which are the newest.
func (f family) levels() bool { return f.major >= 3 || f.major == 0 }

// validates tells that calls can be held to their schemas where none must be made.
func (f family) validates() bool { return f.levels() || f.major*10+f.minor >= 25 }

// level is the thinkingLevel of an effort. Thinking cannot be switched off from Gemini
// 3 on; the least that a Pro knows is low, and Gemini 3 Pro has no medium
// (ai.google.dev/gemini-api/docs/openai, "Thinking").
func (f family) level(effort string) string {
	switch effort {
	case "none", "minimal":
		if f.pro {
			return "low"
		}
		return "minimal"
	case "low":
		return "low"
	case "medium":
		if f.pro && f.major == 3 && f.minor == 0 {
			return "high"
		}
		return "medium"
	}
	return "high"
}

// budget brings a thinkingBudget into what the model takes
// (ai.google.dev/gemini-api/docs/thinking, "Thinking budgets"): 2.5 Pro cannot be kept
// from thinking.
func (f family) budget(tokens int64) int64 {
	switch {
	case f.pro:
		return min(max(tokens, 128), 32768)
	case tokens == 0:
		return 0
	case f.lite:
		return min(max(tokens, 512), 24576)
	}
	return min(tokens, 24576)
}
