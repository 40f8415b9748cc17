package access

import (
	"fmt"
	"slices"
	"testing"

	"weir/internal/control"
	"weir/internal/control/controltest"
	"weir/schemas"
)

func put[E control.Entity](t testing.TB, l *controltest.Log, e E) {
	t.Helper()
	if err := control.Put(t.Context(), l, e, control.Change{Actor: control.ActorSystem}); err != nil {
		t.Fatal(err)
	}
}

// asked is a call in a region.
func asked(m Modality, provider, model, region string) *Asked {
	return &Asked{m, provider, model, func(named string) bool { return named == region }}
}

func TestRegions(t *testing.T) {
	for _, f := range []struct {
		key, org, want []string
		pinned         bool
	}{
		{nil, nil, nil, false},
		{nil, []string{"eu"}, []string{"eu"}, true},
		{[]string{"eu", "us"}, nil, []string{"eu", "us"}, true},
		{[]string{"us", "eu"}, []string{"eu", "us", "x"}, []string{"us", "eu"}, true},
		{[]string{"us"}, []string{"eu"}, nil, true}, // nowhere
	} {
		c := &control.Caller{Key: &schemas.ApiKey{Regions: f.key}, Org: &schemas.Organization{Regions: f.org}}
		if got, pinned := Regions(c); !slices.Equal(got, f.want) || pinned != f.pinned {
			t.Errorf("%v within %v: got %v, %t", f.key, f.org, got, pinned)
		}
	}
}

func TestModelsOfLists(t *testing.T) {
	list := &schemas.AccessList{Chat: []string{"mock/small", "mock/large-*", "other/*", "mockingbird", "pinned/m@eu", "there/*@eu-west-1"}, Embedding: nil, Image: []string{"*"}}
	for _, f := range []struct {
		m                       Modality
		provider, model, region string
		want                    bool
	}{
		{Chat, "mock", "small", "", true}, {Chat, "mock", "smaller", "", false}, {Chat, "mock", "large-2", "", true}, {Chat, "mock", "large", "", false},
		{Chat, "other", "anything/at-all", "", true}, {Chat, "othe", "r/x", "", false}, {Chat, "mockingbird", "", "", false}, {Chat, "moc", "k/small", "", false},
		{Chat, "nobody", "small", "", false}, {Embedding, "mock", "small", "", false}, {Image, "mock", "small", "", false},
		{Chat, "pinned", "m", "eu", true}, {Chat, "pinned", "m", "us", false}, {Chat, "pinned", "m", "", false},
		{Chat, "there", "any/model", "eu-west-1", true}, {Chat, "there", "any/model", "", false}, {Chat, "mock", "small", "anywhere", true},
	} {
		if got := lets(list, asked(f.m, f.provider, f.model, f.region)); got != f.want {
			t.Errorf("%d %s/%s: %t", f.m, f.provider, f.model, got)
		}
	}
	list.AutoApprove = true
	if !lets(list, asked(Embedding, "mock", "e", "")) || lets(list, asked(Chat, "mock", "smaller", "")) {
		t.Error("auto_approve opens what has no entry, and nothing else")
	}
}

func TestWhoseListHolds(t *testing.T) {
	l := controltest.New()
	for _, name := range []string{"key", "group", "a", "b", "org"} {
		put(t, l, &schemas.AccessList{OrgId: "org", AccessListId: "acl_" + name, Chat: []string{"mock/" + name}})
	}
	const key, group, org, gone = "acl_key", "acl_group", "acl_org", "acl_gone"
	listed := func(id string) *schemas.Group { return &schemas.Group{AccessListId: id} }
	for name, f := range map[string]struct {
		key    string
		group  *schemas.Group
		others []*schemas.Group
		org    string
		want   string // of the models key, group, a, b, org
	}{
		"nobody's":                    {want: "key group a b org "},
		"the key's":                   {key: key, group: listed(group), org: org, want: "key "},
		"its group's":                 {group: listed(group), others: []*schemas.Group{listed("acl_a")}, org: org, want: "group "},
		"its group without a list":    {group: listed(""), others: []*schemas.Group{listed("acl_a")}, org: org, want: "org "},
		"nobody's, in a group":        {group: listed(""), want: "key group a b org "},
		"its creator's groups":        {others: []*schemas.Group{listed("acl_a"), listed("acl_b")}, org: org, want: "a b "},
		"one of them without a list":  {others: []*schemas.Group{listed("acl_a"), listed("")}, org: org, want: "a org "},
		"the organisation's":          {org: org, want: "org "},
		"the key's, which is deleted": {key: gone, group: listed(group), org: org, want: ""},
		"its group's, deleted":        {group: listed(gone), org: org, want: ""},
		"one of them deleted":         {others: []*schemas.Group{listed(gone), listed("acl_b")}, org: org, want: "b "},
		"the organisation's, deleted": {org: gone, want: ""},
	} {
		c := &control.Caller{Key: &schemas.ApiKey{AccessListId: f.key}, Group: f.group, MemberGroups: f.others,
			Org: &schemas.Organization{OrgId: "org", AccessListId: f.org}}
		got := ""
		for _, model := range []string{"key", "group", "a", "b", "org"} {
			if Allowed(l.State, c, asked(Chat, "mock", model, "")) {
				got += model + " "
			}
		}
		if got != f.want {
			t.Errorf("%s: may call %q, want %q", name, got, f.want)
		}
	}
}

// long is a caller whose list names many models, the wanted one last.
func long(t testing.TB) (*controltest.Log, *control.Hasher) {
	l, hasher := controltest.New(), control.NewHasher("secret")
	list := &schemas.AccessList{OrgId: "org", AccessListId: "acl"}
	for i := range 49 {
		list.Chat = append(list.Chat, fmt.Sprintf("openai/gpt-%d", i))
	}
	list.Chat = append(list.Chat, "mock/*")
	put(t, l, list)
	put(t, l, &schemas.Organization{OrgId: "org", AccessListId: "acl"})
	sum := hasher.Sum("wk_1")
	put(t, l, &schemas.ApiKey{OrgId: "org", KeyId: "key", Secrets: []*schemas.Secret{{Hash: sum[:]}}})
	return l, hasher
}

func TestCheckAllocatesNothing(t *testing.T) {
	l, hasher := long(t)
	sum := hasher.Sum("wk_1")
	if n := testing.AllocsPerRun(100, func() {
		c, ok := l.Caller(sum)
		if !ok || !Allowed(l.State, &c, asked(Chat, "mock", "small", "")) {
			t.Fatal("not allowed")
		}
	}); n > 0 {
		t.Errorf("key lookup and access check allocate %.0f times", n)
	}
}

// BenchmarkCheck finds a key by its hash and its model in a list of fifty.
func BenchmarkCheck(b *testing.B) {
	l, hasher := long(b)
	sum := hasher.Sum("wk_1")
	b.ReportAllocs()
	for b.Loop() {
		c, _ := l.Caller(sum)
		if !Allowed(l.State, &c, asked(Chat, "mock", "small", "")) {
			b.Fatal("not allowed")
		}
	}
}
