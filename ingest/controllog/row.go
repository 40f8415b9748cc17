package controllog

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"weir/clickhouse"
	"weir/schemas"
)

// rowOf is the row of a record, before its verdict is known.
func rowOf(r *schemas.ControlRecord) (*clickhouse.ControlRow, error) {
	change, err := changeOf(r)
	if err != nil {
		return nil, err
	}
	org, kind, id := entityOf(r.EntityId)
	return &clickhouse.ControlRow{
		Occurred: time.UnixMicro(r.OccurredAt), OrgID: org, Kind: kind, EntityID: id, Expected: r.ExpectedVersion,
		Deleted: r.GetDeleted() != nil, Actor: r.Actor, RequestID: r.RequestId, CommandID: r.CommandId, Change: change,
	}, nil
}

// entityOf parts an entity id, which the fold has compared with the change, as
// control.proto says: "cluster", "node/NODE", "org/ORG", "key/ORG/ID".
func entityOf(entityID string) (org, kind, id string) {
	kind, rest, _ := strings.Cut(entityID, "/")
	switch kind {
	case "cluster", "node":
		return "", kind, rest
	case "org":
		return rest, kind, rest
	}
	org, id, _ = strings.Cut(rest, "/")
	return org, kind, id
}

// changeOf is the entity's new value as JSON with the names of the .proto, {} for
// one that is deleted. It is a function of the record, to the byte, as protojson's
// own text is not.
func changeOf(r *schemas.ControlRecord) (string, error) {
	m := r.ProtoReflect()
	of := m.WhichOneof(m.Descriptor().Oneofs().ByName("change"))
	if of == nil {
		return "{}", nil // the fold says what is wrong with it
	}
	change := proto.Clone(m.Get(of).Message().Interface())
	sanitize(change.ProtoReflect())
	text, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(change)
	if err != nil {
		return "", fmt.Errorf("write change as JSON: %w", err)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, text); err != nil {
		return "", fmt.Errorf("write change as JSON: %w", err)
	}
	return compact.String(), nil
}

// sanitize takes out what is bytes at any depth: hashes and ciphertexts, of which
// nothing may be shown. Text that is no UTF-8, which JSON cannot hold, is mended.
func sanitize(m protoreflect.Message) {
	m.Range(func(field protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case field.Kind() == protoreflect.BytesKind, field.IsMap() && field.MapValue().Kind() == protoreflect.BytesKind:
			m.Clear(field)
		case field.IsMap():
			sanitizeMap(field, v.Map())
		case field.IsList():
			list := v.List()
			for i := range list.Len() {
				list.Set(i, sanitized(field, list.Get(i)))
			}
		default:
			m.Set(field, sanitized(field, v))
		}
		return true
	})
}

func sanitizeMap(field protoreflect.FieldDescriptor, m protoreflect.Map) {
	var broken []protoreflect.MapKey
	m.Range(func(key protoreflect.MapKey, v protoreflect.Value) bool {
		m.Set(key, sanitized(field.MapValue(), v))
		if !utf8.ValidString(key.String()) {
			broken = append(broken, key)
		}
		return true
	})
	slices.SortFunc(broken, func(a, b protoreflect.MapKey) int { return strings.Compare(a.String(), b.String()) })
	for _, key := range broken {
		m.Set(protoreflect.ValueOfString(mended(key.String())).MapKey(), m.Get(key))
		m.Clear(key)
	}
}

func mended(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }

// sanitized is a single value, made fit to be shown.
func sanitized(field protoreflect.FieldDescriptor, v protoreflect.Value) protoreflect.Value {
	switch field.Kind() {
	case protoreflect.MessageKind, protoreflect.GroupKind:
		sanitize(v.Message())
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(mended(v.String()))
	}
	return v
}
