package controllog

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/reflect/protoreflect"

	"weir/clickhouse"
	"weir/internal/control"
	"weir/internal/eventlog"
	"weir/schemas"
)

// secret is what every field of bytes holds here; no form of it may be in a row.
const secret = "SECRETsecretSECRETsecretSECRETse"

// fill gives every field of a message a value, in messages within it too, and
// collects the names of those that are bytes.
func fill(m protoreflect.Message, depth int, secrets map[string]bool) {
	value := func(field protoreflect.FieldDescriptor, empty func() protoreflect.Value) protoreflect.Value {
		switch field.Kind() {
		case protoreflect.BytesKind:
			secrets[string(field.Name())] = true
			return protoreflect.ValueOfBytes([]byte(secret))
		case protoreflect.StringKind:
			return protoreflect.ValueOfString("text of " + string(field.Name()))
		case protoreflect.MessageKind:
			v := empty()
			if depth > 0 {
				fill(v.Message(), depth-1, secrets)
			}
			return v
		case protoreflect.BoolKind:
			return protoreflect.ValueOfBool(true)
		case protoreflect.EnumKind:
			return protoreflect.ValueOfEnum(1)
		case protoreflect.Int32Kind:
			return protoreflect.ValueOfInt32(7)
		case protoreflect.Int64Kind:
			return protoreflect.ValueOfInt64(7)
		case protoreflect.Uint64Kind:
			return protoreflect.ValueOfUint64(7)
		}
		panic(fmt.Sprintf("%s: the test cannot fill a %s", field.FullName(), field.Kind()))
	}
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		switch {
		case field.IsMap():
			entries := m.Mutable(field).Map()
			entries.Set(protoreflect.ValueOfString("name").MapKey(), value(field.MapValue(), entries.NewValue))
		case field.IsList():
			list := m.Mutable(field).List()
			list.Append(value(field, list.NewElement))
		default:
			m.Set(field, value(field, func() protoreflect.Value { return m.NewField(field) }))
		}
	}
}

// Whatever a change is of, and whatever will be added to it: its bytes stay out.
func TestNoSecretIsShown(t *testing.T) {
	changes := new(schemas.ControlRecord).ProtoReflect().Descriptor().Oneofs().ByName("change").Fields()
	secrets := make(map[string]bool)
	for i := range changes.Len() {
		r := new(schemas.ControlRecord)
		m := r.ProtoReflect()
		change := m.NewField(changes.Get(i))
		fill(change.Message(), 4, secrets)
		m.Set(changes.Get(i), change)
		row, err := rowOf(r)
		if err != nil {
			t.Fatalf("%s: %v", changes.Get(i).Name(), err)
		}
		everything := fmt.Sprintf("%+v", *row)
		for _, form := range []string{secret, base64.StdEncoding.EncodeToString([]byte(secret))[:40], hex.EncodeToString([]byte(secret))} {
			if strings.Contains(strings.ToLower(everything), strings.ToLower(form)) {
				t.Errorf("%s shows a secret: %s", changes.Get(i).Name(), everything)
			}
		}
		for name := range secrets {
			if strings.Contains(row.Change, `"`+name+`"`) {
				t.Errorf("%s shows the field %s: %s", changes.Get(i).Name(), name, row.Change)
			}
		}
		// What is no secret is shown.
		if n := change.Message().Descriptor().Fields().Len(); n > 0 && strings.Count(row.Change, ":") < n-1 {
			t.Errorf("%s lacks fields: %s", changes.Get(i).Name(), row.Change)
		}
	}
	if !secrets["hash"] || !secrets["ciphertext"] {
		t.Errorf("the test has met no hash or no ciphertext: %v", secrets)
	}
}

func TestARowSaysWhatChanged(t *testing.T) {
	key := &schemas.ApiKey{
		OrgId: "org_1", KeyId: "key_1", Name: `a "name"`, Manage: schemas.Permission_PERMISSION_READ, Labels: map[string]string{"b": "2", "a": "1"},
		Limits:  &schemas.Limits{Budgets: []*schemas.Budget{{Window: schemas.Window_WINDOW_DAY, LimitPico: 1e12}}},
		Secrets: []*schemas.Secret{{Hash: []byte(secret), Hint: "wk_…abcd"}},
	}
	for _, c := range []struct {
		name string
		r    *schemas.ControlRecord
		want clickhouse.ControlRow
	}{
		{"a key", &schemas.ControlRecord{
			EntityId: "key/org_1/key_1", OrgId: "org_1", ExpectedVersion: 3, OccurredAt: 1, Actor: "key_0", RequestId: "req_1", CommandId: "c", Change: &schemas.ControlRecord_ApiKey{ApiKey: key},
		}, clickhouse.ControlRow{
			Occurred: time.UnixMicro(1), OrgID: "org_1", Kind: "key", EntityID: "key_1", Expected: 3, Actor: "key_0", RequestID: "req_1", CommandID: "c",
			Change: `{"key_id":"key_1","org_id":"org_1","name":"a \"name\"","manage":"PERMISSION_READ","labels":{"a":"1","b":"2"},` +
				`"limits":{"budgets":[{"window":"WINDOW_DAY","limit_pico":"1000000000000"}]},"secrets":[{"hint":"wk_…abcd"}]}`,
		}},
		{"a deleted user of any name", &schemas.ControlRecord{EntityId: "user/org_1/a/b", OrgId: "org_1", Change: &schemas.ControlRecord_Deleted{Deleted: &schemas.Deleted{}}},
			clickhouse.ControlRow{Occurred: time.UnixMicro(0), OrgID: "org_1", Kind: "user", EntityID: "a/b", Deleted: true, Change: "{}"}},
		{"an organisation", &schemas.ControlRecord{EntityId: "org/org_1", Change: &schemas.ControlRecord_Organization{Organization: &schemas.Organization{OrgId: "org_1"}}},
			clickhouse.ControlRow{Occurred: time.UnixMicro(0), OrgID: "org_1", Kind: "org", EntityID: "org_1", Change: `{"org_id":"org_1"}`}},
		{"a node", &schemas.ControlRecord{EntityId: "node/N", Change: &schemas.ControlRecord_NodeRetired{NodeRetired: &schemas.NodeRetired{Node: "N", LastSeq: 1<<64 - 1}}},
			clickhouse.ControlRow{Occurred: time.UnixMicro(0), Kind: "node", EntityID: "N", Change: `{"node":"N","last_seq":"18446744073709551615"}`}},
		{"the cluster", &schemas.ControlRecord{EntityId: "cluster", Change: &schemas.ControlRecord_ClusterSettings{ClusterSettings: &schemas.ClusterSettings{}}},
			clickhouse.ControlRow{Occurred: time.UnixMicro(0), Kind: "cluster", Change: `{}`}},
		{"text that is none", &schemas.ControlRecord{EntityId: "key/o/k", Change: &schemas.ControlRecord_ApiKey{ApiKey: &schemas.ApiKey{
			KeyId: "k", OrgId: "o", Name: "\xff", Labels: map[string]string{"\xfe": "1", "\xff\xfe": "2", "x": "\xfd"},
		}}}, clickhouse.ControlRow{
			Occurred: time.UnixMicro(0), OrgID: "o", Kind: "key", EntityID: "k",
			Change: `{"key_id":"k","org_id":"o","name":"` + "\uFFFD" + `","labels":{"x":"` + "\uFFFD" + `","` + "\uFFFD" + `":"2"}}`,
		}},
	} {
		for range 20 { // a function of the record
			got, err := rowOf(c.r)
			if err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			if diff := cmp.Diff(c.want, *got); diff != "" {
				t.Fatalf("%s (-want +got):\n%s", c.name, diff)
			}
		}
	}
	if !slices.Equal(key.Secrets[0].Hash, []byte(secret)) {
		t.Error("the record itself has lost its secret")
	}
}

// Any record has a row whose change is JSON, or stops the follower; never both.
func FuzzFold(f *testing.F) {
	for _, r := range []*schemas.ControlRecord{
		{FoldVersion: control.FoldVersion, EntityId: "org/o", Change: &schemas.ControlRecord_Organization{Organization: &schemas.Organization{OrgId: "o", Name: "\xff"}}},
		{FoldVersion: control.FoldVersion, EntityId: "key/o/k", Change: &schemas.ControlRecord_Deleted{Deleted: &schemas.Deleted{}}},
		{FoldVersion: control.FoldVersion, EntityId: "key/o/k", Change: &schemas.ControlRecord_ApiKey{ApiKey: &schemas.ApiKey{
			OrgId: "o", KeyId: "k", Secrets: []*schemas.Secret{{Hash: []byte(secret)}}, Labels: map[string]string{"\xff": "\xfe"}}}},
		{},
	} {
		value, err := r.MarshalVT()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		follower := New(Options{})
		err := follower.fold(&eventlog.Record{Offset: 7, Value: value})
		if rows := follower.pending.Rows(); (err == nil) != (rows == 1) || (err == nil) != (follower.next == 8) {
			t.Fatalf("error %v, %d rows, next offset %d", err, rows, follower.next)
		}
		record := new(schemas.ControlRecord)
		if err != nil || record.UnmarshalVT(value) != nil {
			return
		}
		if row, err := rowOf(record); err != nil || !json.Valid([]byte(row.Change)) {
			t.Fatalf("no JSON: %v, %v", row, err)
		}
	})
}
