package genai

// Where AutoCache puts its breakpoints: providers take four, one behind the tools, one
// behind the instructions, and the rest behind the longest messages. A message that is
// shorter than some thousand tokens would not be cached anyway.
const (
	longMessages = 2
	longMessage  = 4096 // bytes
)

// AutoCache puts prompt cache breakpoints behind the largest blocks that stay as they are
// from call to call: tools, instructions, and long messages before the last one. It does
// nothing where the client set a breakpoint itself, and nothing for a protocol that has
// none.
func (r *Request) AutoCache(protocol string) {
	if CacheBreakpoint.Of(protocol) != Kept || r.marked() {
		return
	}
	if n := len(r.Tools); n > 0 {
		r.Tools[n-1].Cache = &Cache{}
	}
	at := 0
	for at < len(r.Messages) && (r.Messages[at].Role == System || r.Messages[at].Role == Developer) {
		at++
	}
	for i := at - 1; i >= 0 && !mark(r.Messages[i].Parts); i-- {
	}
	sizes := make([]int, 0, len(r.Messages)-at)
	for i := range r.Messages[at:] {
		sizes = append(sizes, sizeOf(r.Messages[at+i].Parts))
	}
	for _, i := range Longest(sizes) {
		mark(r.Messages[at+i].Parts)
	}
}

// Longest chooses the messages behind which AutoCache puts breakpoints, by their sizes in
// bytes: the longest ones before the last.
func Longest(sizes []int) (chosen []int) {
	for range longMessages {
		best := -1
		for i := 0; i+1 < len(sizes); i++ {
			taken := len(chosen) > 0 && chosen[0] == i
			if !taken && sizes[i] >= longMessage && (best < 0 || sizes[i] > sizes[best]) {
				best = i
			}
		}
		if best < 0 {
			break
		}
		chosen = append(chosen, best)
	}
	return chosen
}

// marked tells that the client set a breakpoint.
func (r *Request) marked() bool {
	for i := range r.Tools {
		if r.Tools[i].Cache != nil {
			return true
		}
	}
	for i := range r.Messages {
		if markedParts(r.Messages[i].Parts) {
			return true
		}
	}
	return false
}

func markedParts(parts []Part) bool {
	for i := range parts {
		if parts[i].Cache != nil || parts[i].Kind == Result && markedParts(parts[i].Result.Parts) {
			return true
		}
	}
	return false
}

// mark puts a breakpoint behind the last part that can have one.
func mark(parts []Part) bool {
	for i := len(parts) - 1; i >= 0; i-- {
		p := &parts[i]
		if p.Kind == Thinking || p.Kind == ServerTool || (p.Kind == Text || p.Kind == Refusal) && p.Text == "" {
			continue
		}
		p.Cache = &Cache{}
		return true
	}
	return false
}

func sizeOf(parts []Part) (n int) {
	for i := range parts {
		p := &parts[i]
		n += len(p.Text)
		switch {
		case p.Media != nil:
			n += len(p.Media.Data)
		case p.Call != nil:
			n += len(p.Call.Arguments)
		case p.Result != nil:
			n += sizeOf(p.Result.Parts)
		}
	}
	return n
}
