// Package bootstrap takes the keys of weir.yaml over into a control log that has
// no organisation yet, with the organisations, projects, groups and members that
// they name. From then on the log is what counts.
//
// Guarantee: Check finds everything that a person can have written wrong, before
// Kafka is asked. Run returns when all is folded; gateways that start at the same
// time write the same, and a start that was interrupted is gone on with.
//
// Concurrency: functions without state. Failure: an error of the log is returned;
// keys that the log does not hold are a warning, since only a person knows whether
// they were meant to go.
package bootstrap

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"time"

	"google.golang.org/protobuf/proto"

	"weir/internal/control"
	"weir/schemas"
)

// Check names the key and the field that cannot be.
func Check(secret string, keys []KeyConfig) error {
	_, err := check(secret, keys)
	return err
}

// Run takes the keys over where the log has no organisation, and warns of those
// that the log does not hold afterwards. Secret is gateway.key_hash_secret.
func Run(ctx context.Context, s *control.State, p control.Proposer, secret string, configs []KeyConfig, log *slog.Logger) error {
	keys, err := check(secret, configs)
	if err != nil {
		return err
	}
	if err := control.Bootstrap(ctx, s, p, entities(keys, time.Now())); err != nil {
		return fmt.Errorf("take the keys of weir.yaml over: %w", err)
	}
	var missing []string
	for _, k := range keys {
		if _, found := s.Caller([sha256.Size]byte(k.entity.Secrets[0].Hash)); !found {
			missing = append(missing, k.entity.KeyId)
		}
	}
	if len(missing) > 0 {
		log.Warn("keys of weir.yaml are not in the control state, which was filled from weir.yaml once: "+
			"create them with the management API, or remove them from gateway.keys", "keys", missing)
	}
	return nil
}

// entities are the keys and what they name. Organisations come first and keys
// last, so that a key that is found already leads to all that it names.
func entities(keys []key, now time.Time) []proto.Message {
	c := collection{at: now.UnixMicro(), seen: map[string]proto.Message{}}
	for _, k := range keys {
		c.organization(k)
	}
	for _, k := range keys {
		c.project(k)
		c.member(k)
	}
	for _, k := range keys {
		c.group(k)
	}
	for _, k := range keys {
		k.entity.CreatedAt = c.at
		c.entities = append(c.entities, k.entity)
	}
	return c.entities
}

// collection gathers entities that several keys may name.
type collection struct {
	at       int64
	entities []proto.Message
	seen     map[string]proto.Message // by kind, organisation and id
}

// once returns the entity of that name, which it makes the first time.
func once[E proto.Message](c *collection, kind, org, id string, create func() E) E {
	name := kind + "/" + org + "/" + id
	if e, ok := c.seen[name]; ok {
		return e.(E)
	}
	e := create()
	c.seen[name] = e
	c.entities = append(c.entities, e)
	return e
}

func (c *collection) organization(k key) {
	org := k.entity.OrgId
	once(c, "org", org, "", func() *schemas.Organization {
		return &schemas.Organization{OrgId: org, Name: org, CreatedAt: c.at}
	})
}

func (c *collection) project(k key) {
	org, id := k.entity.OrgId, k.entity.Project
	if id == "" {
		return
	}
	once(c, "project", org, id, func() *schemas.Project { return &schemas.Project{ProjectId: id, OrgId: org, Name: id} })
}

func (c *collection) member(k key) {
	org, id := k.entity.OrgId, k.entity.MemberId
	if id == "" {
		return
	}
	once(c, "member", org, id, func() *schemas.Member {
		return &schemas.Member{MemberId: id, OrgId: org, Name: id, Role: k.role}
	})
}

func (c *collection) group(k key) {
	org, id := k.entity.OrgId, k.entity.GroupId
	if id == "" {
		return
	}
	g := once(c, "group", org, id, func() *schemas.Group {
		return &schemas.Group{GroupId: id, OrgId: org, Name: id, Members: map[string]schemas.GroupRole{}}
	})
	if member := k.entity.MemberId; member != "" {
		g.Members[member] = schemas.GroupRole_GROUP_ROLE_MEMBER
	}
}
