package bootstrap

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"weir/schemas"
)

// KeyConfig is one key of weir.yaml. The organisation, project, group and member
// that it names are created with it.
type KeyConfig struct {
	ID       string `koanf:"id"`
	Name     string `koanf:"name"`
	Hash     string `koanf:"hash"` // hex HMAC-SHA256 of the secret under gateway.key_hash_secret
	OrgID    string `koanf:"org_id"`
	Project  string `koanf:"project"`
	GroupID  string `koanf:"group_id"`
	MemberID string `koanf:"member_id"`

	// Role of the member in the organisation: owner, admin, member or viewer.
	// Default owner when one of the member's keys may manage, else member.
	Role        string            `koanf:"role"`
	Permissions PermissionsConfig `koanf:"permissions"`

	Logging   bool   `koanf:"logging"`    // capture prompts and completions; default false
	Disabled  bool   `koanf:"disabled"`   // default false
	ExpiresAt string `koanf:"expires_at"` // RFC 3339; default never
}

// PermissionsConfig says how far a key may go: none, read or write.
type PermissionsConfig struct {
	Manage      string `koanf:"manage"`      // the management API; default none
	Completions string `koanf:"completions"` // inference; default write
}

// key is a KeyConfig that was checked.
type key struct {
	entity *schemas.ApiKey
	role   schemas.OrgRole // of its member, unspecified without one
}

// maxID bounds the ids that a person writes, as those of events are bounded.
const maxID = 256

// check reads the keys. An error names the key and the field.
func check(secret string, configs []KeyConfig) ([]key, error) {
	if len(configs) > 0 && secret == "" {
		return nil, errors.New("gateway.key_hash_secret is empty; the keys' hashes are made with it")
	}
	keys := make([]key, len(configs))
	ids, hashes := map[string]bool{}, map[string]bool{}
	written := map[member]schemas.OrgRole{}
	for i, c := range configs {
		k, err := read(c)
		m := member{c.OrgID, c.MemberID}
		switch {
		case err != nil:
		case ids[c.ID]:
			err = fmt.Errorf("id %q is used twice", c.ID)
		case hashes[string(k.entity.Secrets[0].Hash)]:
			err = errors.New("hash is that of another key")
		case k.role != 0 && written[m] != 0 && written[m] != k.role:
			err = fmt.Errorf("role is not what another key says of the member %q", c.MemberID)
		}
		if err != nil {
			return nil, fmt.Errorf("gateway.keys[%d].%w", i, err)
		}
		keys[i], ids[c.ID], hashes[string(k.entity.Secrets[0].Hash)] = k, true, true
		if k.role != 0 {
			written[m] = k.role
		}
	}
	assignRoles(keys, written)
	return keys, nil
}

// member is somebody in an organisation.
type member struct{ org, id string }

// assignRoles gives each key the role of its member: the written one, else what its
// keys may do.
func assignRoles(keys []key, written map[member]schemas.OrgRole) {
	owners := map[member]bool{}
	for _, k := range keys {
		if k.entity.Manage == schemas.Permission_PERMISSION_WRITE {
			owners[member{k.entity.OrgId, k.entity.MemberId}] = true
		}
	}
	for i := range keys {
		k := &keys[i]
		m := member{k.entity.OrgId, k.entity.MemberId}
		switch {
		case m.id == "":
		case written[m] != 0:
			k.role = written[m]
		case owners[m]:
			k.role = schemas.OrgRole_ORG_ROLE_OWNER
		default:
			k.role = schemas.OrgRole_ORG_ROLE_MEMBER
		}
	}
}

// read checks one key by itself; an error begins with the field.
func read(c KeyConfig) (k key, err error) {
	for _, f := range []struct{ name, value string }{
		{"id", c.ID}, {"org_id", c.OrgID}, {"project", c.Project}, {"group_id", c.GroupID}, {"member_id", c.MemberID},
	} {
		if len(f.value) > maxID {
			return k, fmt.Errorf("%s has %d bytes; the most is %d", f.name, len(f.value), maxID)
		}
	}
	digest, err := hex.DecodeString(c.Hash)
	switch {
	case c.ID == "":
		return k, errors.New("id is empty")
	case c.OrgID == "":
		return k, errors.New("org_id is empty")
	case strings.Contains(c.OrgID, "/"):
		return k, fmt.Errorf("org_id %q contains a slash, which it must not", c.OrgID)
	case err != nil || len(digest) != sha256.Size:
		return k, errors.New("hash is not the 64 hexadecimal digits of an HMAC-SHA256")
	}
	k.entity = &schemas.ApiKey{KeyId: c.ID, OrgId: c.OrgID, Name: c.Name, Project: c.Project, GroupId: c.GroupID, MemberId: c.MemberID,
		Secrets: []*schemas.Secret{{Hash: digest}}, Logging: c.Logging, Disabled: c.Disabled}
	if k.entity.Manage, err = permission("manage", c.Permissions.Manage, schemas.Permission_PERMISSION_NONE); err != nil {
		return k, err
	}
	if k.entity.Completions, err = permission("completions", c.Permissions.Completions, schemas.Permission_PERMISSION_WRITE); err != nil {
		return k, err
	}
	if k.role, err = role(c); err != nil {
		return k, err
	}
	if c.ExpiresAt != "" {
		at, err := time.Parse(time.RFC3339, c.ExpiresAt)
		if err != nil || at.UTC().Year() > 9999 { // which an answer could not write
			return k, errors.New("expires_at is not a time such as 2027-01-31T00:00:00Z")
		}
		k.entity.ExpiresAt = at.UnixMicro()
	}
	return k, nil
}

func permission(field, value string, whenEmpty schemas.Permission) (schemas.Permission, error) {
	switch value {
	case "":
		return whenEmpty, nil
	case "none":
		return schemas.Permission_PERMISSION_NONE, nil
	case "read":
		return schemas.Permission_PERMISSION_READ, nil
	case "write":
		return schemas.Permission_PERMISSION_WRITE, nil
	}
	return 0, fmt.Errorf("permissions.%s is %q; write none, read or write", field, value)
}

func role(c KeyConfig) (schemas.OrgRole, error) {
	if c.Role != "" && c.MemberID == "" {
		return 0, errors.New("role is that of a member; name one in member_id")
	}
	switch c.Role {
	case "":
		return 0, nil
	case "owner":
		return schemas.OrgRole_ORG_ROLE_OWNER, nil
	case "admin":
		return schemas.OrgRole_ORG_ROLE_ADMIN, nil
	case "member":
		return schemas.OrgRole_ORG_ROLE_MEMBER, nil
	case "viewer":
		return schemas.OrgRole_ORG_ROLE_VIEWER, nil
	}
	return 0, fmt.Errorf("role is %q; write owner, admin, member or viewer", c.Role)
}
