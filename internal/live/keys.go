package live

import (
	"strconv"
	"strings"
)

// Dimension says whose spend a sum is.
type Dimension string

// The dimensions. Those of an organisation itself have no id: Org is all of its
// spend, Balance what is paid from its balance, all but the calls on its own keys
// at providers.
const (
	Org     Dimension = "org"
	Balance Dimension = "balance"
	Group   Dimension = "group"
	Project Dimension = "project"
	Member  Dimension = "member"
	Key     Dimension = "key"
	User    Dimension = "user"
	Tag     Dimension = "tag"
)

var dimensions = []Dimension{Org, Balance, Group, Project, Member, Key, User, Tag}

// Keys that are of no organisation and no rebuild generation.
const (
	servingKey  = "weir:generation"
	termKey     = "weir:term"
	orgsKey     = "{weir:term}:orgs" // in the slot of the term
	gatewaysKey = "weir:gateways"
)

// names builds the key names of one rebuild generation. What is in braces is
// the hash tag: one organisation is one slot of a Redis Cluster.
type names struct{ prefix string }

func namesOf(generation int) names { return names{"weir:" + strconv.Itoa(generation) + ":"} }

// positions is the one key that says what Redis holds: a hash of Kafka
// partition → next offset. It is missing when Redis was lost.
func (n names) positions() string { return n.prefix + "positions" }

// restores, in the slot of the positions, says by partition which epoch's restore
// was begun last.
func (n names) restores() string { return "{" + n.prefix + "positions}:restores" }

// orgScope is an organisation as it stands in the braces of its keys: what would
// end the hash tag or part the name is percent-encoded.
func orgScope(org string) string {
	if org == "" {
		return "%" // an empty hash tag would be none
	}
	return strings.NewReplacer("%", "%25", "{", "%7B", "}", "%7D", ":", "%3A").Replace(org)
}

// latencyScope stands in the braces of all live latency. No organisation's name
// encodes to it.
const latencyScope = "%latency"

// in names what a generation keeps of a scope: its offsets and epochs by
// partition, the numbers of the newest usage by node, and what it has noted.
func (n names) in(scope, what string) string { return n.prefix + "{" + scope + "}:" + what }

func (n names) spend(scope string, b budget) string {
	return n.in(scope, "spend:") + b.String()
}

func (n names) latency(provider, model string, minute int64) string {
	return n.prefix + "{" + latencyScope + "}:" + strconv.FormatInt(minute, 10) + ":" + provider + "/" + model
}

// guardKey says in which term an organisation was opened, and by the sums of which
// generation it counts.
func guardKey(scope string) string { return "weir:{" + scope + "}:guard" }

// pendingKey holds the reservations of a budget, which are of no generation.
func pendingKey(scope string, b budget) string { return "weir:{" + scope + "}:pending:" + b.String() }
