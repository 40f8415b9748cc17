package control

import (
	"errors"
	"fmt"
	"strings"

	"github.com/oklog/ulid/v2"
	"google.golang.org/protobuf/proto"

	"weir/schemas"
)

// Entity is what an organisation is made of, as it stands in the log.
type Entity interface {
	*schemas.Organization | *schemas.Project | *schemas.Group | *schemas.Member | *schemas.ApiKey |
		*schemas.AccessList | *schemas.Credential | *schemas.EndUser | *schemas.Credit
	proto.Message
	GetOrgId() string
}

// Versioned is an entity at one of its versions.
type Versioned[E Entity] struct {
	Value   E
	Version uint64
}

// The kinds of entities, as their ids begin in the log.
const (
	kindCluster    = "cluster"
	kindNode       = "node"
	kindOrg        = "org"
	kindProject    = "project"
	kindGroup      = "group"
	kindMember     = "member"
	kindKey        = "key"
	kindAccessList = "access_list"
	kindCredential = "credential"
	kindUser       = "user"
	kindCredit     = "credit"
)

// name is what a record's entity_id says.
type name struct{ kind, org, id string }

// nameOf returns the name of an entity; of one that is nil, its kind.
func nameOf(entity any) name {
	switch e := entity.(type) {
	case *schemas.Organization:
		return name{kindOrg, e.GetOrgId(), e.GetOrgId()}
	case *schemas.Project:
		return name{kindProject, e.GetOrgId(), e.GetProjectId()}
	case *schemas.Group:
		return name{kindGroup, e.GetOrgId(), e.GetGroupId()}
	case *schemas.Member:
		return name{kindMember, e.GetOrgId(), e.GetMemberId()}
	case *schemas.ApiKey:
		return name{kindKey, e.GetOrgId(), e.GetKeyId()}
	case *schemas.AccessList:
		return name{kindAccessList, e.GetOrgId(), e.GetAccessListId()}
	case *schemas.Credential:
		return name{kindCredential, e.GetOrgId(), e.GetCredentialId()}
	case *schemas.EndUser:
		return name{kindUser, e.GetOrgId(), e.GetUserId()}
	case *schemas.Credit:
		return name{kindCredit, e.GetOrgId(), e.GetCreditId()}
	case *schemas.ClusterSettings:
		return name{kind: kindCluster}
	case *schemas.NodeRetired:
		return name{kind: kindNode, id: e.GetNode()}
	}
	return name{}
}

// String is the entity_id: an end user may be called anything, and stands last.
func (n name) String() string {
	switch n.kind {
	case kindCluster:
		return n.kind
	case kindNode:
		return n.kind + "/" + n.id
	case kindOrg:
		return n.kind + "/" + n.org
	}
	return n.kind + "/" + n.org + "/" + n.id
}

// parseName reads the entity_id of an organisation's entity.
func parseName(entityID string) name {
	kind, rest, _ := strings.Cut(entityID, "/")
	org, id, _ := strings.Cut(rest, "/")
	if kind == kindOrg {
		id = org
	}
	return name{kind, org, id}
}

// check refuses a name that its entity_id would not give back.
func (n name) check() error {
	switch {
	case n.kind == kindCluster || n.kind == kindNode:
		return nil
	case n.org == "" || n.id == "":
		return fmt.Errorf("%s has no id or no organisation", n)
	case strings.Contains(n.org, "/"):
		return fmt.Errorf("the organisation's id %q contains a slash", n.org)
	}
	return nil
}

var errUnknownChange = errors.New("its change is of a kind that this release does not know: upgrade")

// changeOf returns the entity that a record stores, nil when it deletes one, and
// the entity's name.
func changeOf(r *schemas.ControlRecord) (entity any, n name, err error) {
	switch c := r.Change.(type) {
	case *schemas.ControlRecord_ClusterSettings:
		entity = c.ClusterSettings
	case *schemas.ControlRecord_NodeRetired:
		entity = c.NodeRetired
	case *schemas.ControlRecord_Organization:
		entity = c.Organization
	case *schemas.ControlRecord_Project:
		entity = c.Project
	case *schemas.ControlRecord_Group:
		entity = c.Group
	case *schemas.ControlRecord_Member:
		entity = c.Member
	case *schemas.ControlRecord_ApiKey:
		entity = c.ApiKey
	case *schemas.ControlRecord_AccessList:
		entity = c.AccessList
	case *schemas.ControlRecord_Credential:
		entity = c.Credential
	case *schemas.ControlRecord_EndUser:
		entity = c.EndUser
	case *schemas.ControlRecord_Credit:
		entity = c.Credit
	case *schemas.ControlRecord_Deleted:
		n = parseName(r.EntityId)
		if (&organization{}).table(n.kind) == nil {
			return nil, n, fmt.Errorf("%q cannot be deleted", r.EntityId)
		}
	default:
		return nil, n, errUnknownChange
	}
	if entity != nil {
		n = nameOf(entity)
	}
	if err := n.check(); err != nil {
		return nil, n, err
	}
	if r.EntityId != n.String() {
		return nil, n, fmt.Errorf("its entity id is %q and its change is of %q", r.EntityId, n)
	}
	return entity, n, nil
}

// recordOf returns the record that stores an entity.
func recordOf(entity any) *schemas.ControlRecord {
	n := nameOf(entity)
	r := &schemas.ControlRecord{EntityId: n.String(), OrgId: n.org}
	switch e := entity.(type) {
	case *schemas.ClusterSettings:
		r.Change = &schemas.ControlRecord_ClusterSettings{ClusterSettings: e}
	case *schemas.NodeRetired:
		r.Change = &schemas.ControlRecord_NodeRetired{NodeRetired: e}
	case *schemas.Organization:
		r.Change = &schemas.ControlRecord_Organization{Organization: e}
	case *schemas.Project:
		r.Change = &schemas.ControlRecord_Project{Project: e}
	case *schemas.Group:
		r.Change = &schemas.ControlRecord_Group{Group: e}
	case *schemas.Member:
		r.Change = &schemas.ControlRecord_Member{Member: e}
	case *schemas.ApiKey:
		r.Change = &schemas.ControlRecord_ApiKey{ApiKey: e}
	case *schemas.AccessList:
		r.Change = &schemas.ControlRecord_AccessList{AccessList: e}
	case *schemas.Credential:
		r.Change = &schemas.ControlRecord_Credential{Credential: e}
	case *schemas.EndUser:
		r.Change = &schemas.ControlRecord_EndUser{EndUser: e}
	case *schemas.Credit:
		r.Change = &schemas.ControlRecord_Credit{Credit: e}
	}
	return r
}

// idPrefixes begin the ids that Weir gives out. An end user has the name that its
// client gave it.
const (
	prefixOrg        = "org_"
	prefixProject    = "prj_"
	prefixGroup      = "grp_"
	prefixMember     = "mem_"
	prefixKey        = "key_"
	prefixAccessList = "acl_"
	prefixCredential = "crd_"
	prefixCredit     = "cdt_"
)

// NewID returns an id for a new entity: what its kind begins with and a ULID, so
// that ids sort by time.
func NewID[E Entity]() string {
	var e E
	id := ulid.Make().String()
	switch any(e).(type) {
	case *schemas.Organization:
		return prefixOrg + id
	case *schemas.Project:
		return prefixProject + id
	case *schemas.Group:
		return prefixGroup + id
	case *schemas.Member:
		return prefixMember + id
	case *schemas.ApiKey:
		return prefixKey + id
	case *schemas.AccessList:
		return prefixAccessList + id
	case *schemas.Credential:
		return prefixCredential + id
	case *schemas.Credit:
		return prefixCredit + id
	}
	return id
}

// Clone copies an entity, to be changed and proposed. What a newer release wrote
// into it and this one does not know is kept.
func Clone[E Entity](e E) E { return proto.CloneOf(e) }
