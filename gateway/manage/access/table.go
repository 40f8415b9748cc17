package access

// Scope is how far an operation reaches for a role.
type Scope byte

// The scopes.
const (
	Nothing Scope = iota
	Own           // one's own keys and groups, see Caller
	All           // everything of the organisation
)

// Rule says who may call one operation. The operator may call all of them.
type Rule struct {
	Operation string
	Write     bool // the key's permission manage must be write, not only read

	Owner, Admin, Member, Viewer Scope
}

// Roles names those that may call the operation, the most powerful first.
func (r Rule) Roles() (names []string) {
	for _, role := range []struct {
		name  string
		scope Scope
	}{{"owner", r.Owner}, {"admin", r.Admin}, {"member", r.Member}, {"viewer", r.Viewer}} {
		if role.scope != Nothing {
			names = append(names, role.name)
		}
	}
	return names
}

// Find returns the rule of an operation; one that the table does not have is
// nobody's but the operator's.
func Find(operation string) Rule {
	for _, r := range Table() {
		if r.Operation == operation {
			return r
		}
	}
	return Rule{Operation: operation, Write: true}
}

// Table is the one place that says who may do what.
func Table() []Rule {
	const (
		read, write = false, true
		o           = Own
		a           = All
		x           = Nothing
	)
	return []Rule{
		//                            owner admin member viewer
		{"list-api-keys", read, a, a, o, a},
		{"get-api-key", read, a, a, o, a},       // and every key may read itself
		{"get-api-key-usage", read, a, a, o, a}, // likewise
		{"create-api-key", write, a, a, o, x},
		{"update-api-key", write, a, a, o, x},
		{"set-api-key-limit", write, a, a, o, x},
		{"set-api-key-labels", write, a, a, o, x},
		{"set-api-key-expiry", write, a, a, o, x},
		{"disable-api-key", write, a, a, o, x},
		{"enable-api-key", write, a, a, o, x},
		{"rotate-api-key", write, a, a, o, x},
		{"delete-api-key", write, a, a, o, x},

		{"list-groups", read, a, a, o, a},
		{"get-group", read, a, a, o, a},
		{"create-group", write, a, a, x, x},
		{"update-group", write, a, a, x, x},
		{"delete-group", write, a, a, x, x},
		{"add-group-member", write, a, a, o, x},
		{"remove-group-member", write, a, a, o, x},
		{"set-group-member-role", write, a, a, o, x},

		{"list-access-lists", read, a, a, a, a},
		{"get-access-list", read, a, a, a, a},
		{"create-access-list", write, a, a, x, x},
		{"update-access-list", write, a, a, x, x},
		{"delete-access-list", write, a, a, x, x},

		{"list-credentials", read, a, a, x, a},
		{"get-credential", read, a, a, x, a},
		{"create-credential", write, a, a, x, x},
		{"update-credential", write, a, a, x, x},
		{"delete-credential", write, a, a, x, x},

		{"list-members", read, a, a, a, a},
		{"get-member", read, a, a, a, a},
		{"create-member", write, a, a, x, x}, // an owner by owners only, and so for the next two
		{"update-member", write, a, a, x, x},
		{"delete-member", write, a, a, x, x},

		{"list-projects", read, a, a, a, a},
		{"get-project", read, a, a, a, a},
		{"create-project", write, a, a, x, x},
		{"update-project", write, a, a, x, x},
		{"delete-project", write, a, a, x, x},

		{"list-users", read, a, a, x, a},
		{"get-user", read, a, a, x, a},
		{"set-user", write, a, a, x, x},
		{"delete-user", write, a, a, x, x},

		{"get-org", read, a, a, a, a},
		{"update-org", write, a, a, x, x},
		{"get-statement", read, a, a, x, a},
		{"get-org-usage", read, a, a, x, a},
		{"get-audit", read, a, a, x, x},

		{"list-orgs", read, x, x, x, x},
		{"create-org", write, x, x, x, x},
		{"credit-org", write, x, x, x, x},
	}
}
