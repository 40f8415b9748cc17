package genai

// inspect reports every feature that a request has; index is the message's, or -1.
func inspect(r *Request, protocol string, has func(f Feature, index int)) {
	when := func(there bool, f Feature) {
		if there {
			has(f, -1)
		}
	}
	when(r.TopK != "", TopK)
	when(r.Seed != "", Seed)
	when(r.Presence != "" || r.Frequency != "", Penalties)
	when(len(r.Stop) > 0, StopSequences)
	when(r.Choices > 1, ManyChoices)
	when(r.LogProbs || r.TopLogProbs != "", LogProbabilities)
	when(r.Parallel != nil && !*r.Parallel && len(r.Tools) > 0, SerialTools)
	when(r.Choice.Mode == ToolNone && len(r.Tools) > 0, NoTools)
	when(r.Output != nil && r.Output.Schema == nil, JSONObject)
	when(r.Output != nil && r.Output.Schema != nil, JSONSchema)
	when(r.Reasoning != nil, Effort)
	when(r.Verbosity != "", Verbosity)
	when(r.ServiceTier != "" && r.ServiceTier != "auto" && r.ServiceTier != "default", Tier)
	when(r.User != "", EndUser)
	for i := range r.Tools {
		t := &r.Tools[i]
		when(t.Strict != nil && *t.Strict, StrictTools)
		own := t.From == protocol && t.Raw != nil
		switch {
		case t.Server == "web_search":
			when(!own, WebSearch)
		case t.Server != "":
			when(!own, ServerTools)
		case t.Raw != nil:
			when(!own, CustomTools)
		}
		when(t.Cache != nil, CacheBreakpoint)
		when(t.MaxUses > 0, UseLimit)
	}
	for i := range r.Messages {
		m := &r.Messages[i]
		if m.Name != "" {
			has(SpeakerName, m.Index)
		}
		inspectParts(m.Parts, m.Index, protocol, func(f Feature, index int) {
			if f == FileID || f == ImageFile {
				switch {
				case r.From == protocol:
					return
				case !openAI(r.From) || !openAI(protocol):
					f = ForeignFile
				}
			}
			has(f, index)
		})
	}
}

// openAI tells that files are those of OpenAI's API.
func openAI(protocol string) bool { return protocol == Chat || protocol == Responses }

func inspectParts(parts []Part, index int, protocol string, has func(f Feature, index int)) {
	for i := range parts {
		p := &parts[i]
		if p.Cache != nil {
			has(CacheBreakpoint, index)
		}
		if len(p.Citations) > 0 {
			has(CitationsGiven, index)
		}
		switch p.Kind {
		case Image:
			if d := p.Media.Detail; d != "" && d != "auto" {
				has(ImageDetail, index)
			}
			switch {
			case p.Media.FileID != "":
				has(ImageFile, index)
			case p.Media.URL != "":
				has(ImageURL, index)
			}
		case Audio:
			has(AudioInput, index)
		case File:
			switch {
			case p.Media.FileID != "":
				has(FileID, index)
			case p.Media.URL != "":
				has(FileURL, index)
			default:
				has(FileData, index)
			}
			if p.Media.Cited {
				has(CitationsAsked, index)
			}
		case Call:
			if p.Call.Custom {
				has(CustomTools, index)
			}
		case Result:
			inspectParts(p.Result.Parts, index, protocol, has)
		case Thinking:
			if p.Proof != nil && p.Proof.From != protocol {
				has(ForeignProof, index)
			}
		case ServerTool:
			if p.From != protocol {
				has(ServerSteps, index)
			}
		}
	}
}

// drop takes a feature out of a request.
func drop(r *Request, f Feature, protocol string) {
	switch f {
	case TopK:
		r.TopK = ""
	case Seed:
		r.Seed = ""
	case Penalties:
		r.Presence, r.Frequency = "", ""
	case StopSequences:
		r.Stop = nil
	case ManyChoices:
		r.Choices = 0
	case LogProbabilities:
		r.LogProbs, r.TopLogProbs = false, ""
	case SerialTools:
		r.Parallel = nil
	case NoTools:
		r.Choice = ToolChoice{}
	case JSONObject, JSONSchema:
		r.Output = nil
	case Effort:
		r.Reasoning = nil
	case Verbosity:
		r.Verbosity = ""
	case Tier:
		r.ServiceTier = ""
	case EndUser:
		r.User = ""
	case ImageDetail:
		r.eachPart(func(p *Part) bool {
			if p.Kind == Image {
				p.Media.Detail = ""
			}
			return true
		})
	case SpeakerName:
		for i := range r.Messages {
			r.Messages[i].Name = ""
		}
	case CacheBreakpoint:
		for i := range r.Tools {
			r.Tools[i].Cache = nil
		}
		r.eachPart(func(p *Part) bool { p.Cache = nil; return true })
	case CitationsAsked:
		r.eachPart(func(p *Part) bool {
			if p.Kind == File {
				p.Media.Cited = false
			}
			return true
		})
	case CitationsGiven:
		r.eachPart(func(p *Part) bool { p.Citations = nil; return true })
	case ForeignProof:
		// Thinking that cannot be checked is refused by every provider: it goes whole.
		r.eachPart(func(p *Part) bool { return p.Kind != Thinking || p.Proof == nil || p.Proof.From == protocol })
	case ServerSteps:
		r.eachPart(func(p *Part) bool { return p.Kind != ServerTool || p.From == protocol })
	}
}

// eachPart visits all parts; those for which keep is false are taken out.
func (r *Request) eachPart(keep func(*Part) bool) {
	for i := range r.Messages {
		r.Messages[i].Parts = eachOf(r.Messages[i].Parts, keep)
	}
}

func eachOf(parts []Part, keep func(*Part) bool) []Part {
	kept := parts[:0]
	for i := range parts {
		p := &parts[i]
		if p.Kind == Result {
			p.Result.Parts = eachOf(p.Result.Parts, keep)
		}
		if keep(p) {
			kept = append(kept, *p)
		}
	}
	return kept
}
