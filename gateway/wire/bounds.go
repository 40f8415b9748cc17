package wire

// Bounds are what a request itself says of the tokens that it may use, whichever
// model answers. What could be read in two ways is read in the dearer one.
type Bounds struct {
	// Text is at least the tokens of all that the model is given as text: a token
	// stands for one byte or more.
	Text int64
	// Images stand in the body, as data.
	Images int64
	// Whole names the first part that may fill the model's context window: what is
	// given by reference, and what is no text and no picture. "" for none.
	Whole string
	// Choices is n.
	Choices int64
	// Limit is the most output tokens of one choice; 0 when the client set none.
	Limit int64
	// Fixed says that the request has no field that could lower the output; Limit is then
	// what follows from the rest of it.
	Fixed bool
	// Seconds are the most that sound in the request lasts.
	Seconds int64
	// MaxTokens says that it is set by a field which some vendors take for the answer alone
	// and not for the reasoning before it.
	MaxTokens bool
	// Tier is the service tier asked for, "" when that is the provider's choice;
	// what can be read in two ways is no tier's name.
	Tier string
	// Predicted is output that is billed beside the choices.
	Predicted int64
	// Uses is how often the provider may run tools of its own.
	Uses int64
	// Unlimited names the field in which a tool that the provider runs must say how
	// often; "" when all do.
	Unlimited string
}

// What every format reckons with.
const (
	// Framing is what a provider may put around the messages, in tokens.
	Framing = 64
	// ToolFraming is what it tells the model of tools, in tokens.
	ToolFraming = 1024
	// MaxUses is the most uses of a tool that are believed to be a limit.
	MaxUses = 1000
	// MaxCount is the largest number of tokens that is reckoned with.
	MaxCount = 1_000_000_000
	// MaxChoices is that of choices.
	MaxChoices = 10_000
)

// May notes a part that may fill the context window.
func (b *Bounds) May(field string) {
	if b.Whole == "" {
		b.Whole = field
	}
}

// ServerTool notes a tool that the provider runs, and how often it may; uses is not
// above 0 where the request does not say.
func (b *Bounds) ServerTool(uses int64, field string) {
	if uses > 0 && uses <= MaxUses {
		b.Uses += uses
	} else if b.Unlimited == "" {
		b.Unlimited = field + ".max_uses"
	}
}
