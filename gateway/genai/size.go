package genai

// Size is about how many bytes the texts of a request take when they are written: what
// an encoder makes room for.
func (r *Request) Size() int {
	size := 0
	for i := range r.Messages {
		size += 64 + roomFor(r.Messages[i].Parts)
	}
	for i := range r.Tools {
		size += 128 + len(r.Tools[i].Description) + len(r.Tools[i].Parameters) + len(r.Tools[i].Raw)
	}
	return size + size/8 // for escapes
}

func roomFor(parts []Part) int {
	size := 0
	for i := range parts {
		p := &parts[i]
		size += 64 + len(p.Text) + len(p.Raw)
		switch {
		case p.Media != nil:
			size += len(p.Media.Data)
		case p.Call != nil:
			size += len(p.Call.Arguments) + len(p.Call.Signature)
		case p.Result != nil:
			size += roomFor(p.Result.Parts)
		case p.Proof != nil:
			size += len(p.Proof.Signature) + len(p.Proof.Redacted)
		}
	}
	return size
}
