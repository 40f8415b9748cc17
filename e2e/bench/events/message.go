package events

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// schema is the folder of the .proto files, from the e2e folder; schemaFile the events in it.
var schema = filepath.Join("..", "schemas")

const schemaFile = "weir/v1/events.proto"

// usageMessage reads the definition of UsageRecorded from the .proto itself.
func usageMessage(ctx context.Context) (protoreflect.MessageDescriptor, error) {
	compiler := protocompile.Compiler{Resolver: &protocompile.SourceResolver{ImportPaths: []string{schema}}}
	files, err := compiler.Compile(ctx, schemaFile)
	if err != nil {
		return nil, fmt.Errorf("read the events' schema (run this in the e2e folder): %w", err)
	}
	message := files[0].Messages().ByName("UsageRecorded")
	if message == nil {
		return nil, fmt.Errorf("read the events' schema: %s has no UsageRecorded", schemaFile)
	}
	return message, nil
}

// writer writes one message in wire form. A field is named as in the .proto and left out when it is zero;
// one that is not there, or of another type, panics: the generator is for another schema.
type writer struct {
	message protoreflect.MessageDescriptor
	bytes   []byte
}

func (w *writer) field(name protoreflect.Name, wire protowire.Type, kinds ...protoreflect.Kind) protoreflect.FieldDescriptor {
	field := w.message.Fields().ByName(name)
	if field == nil || !slices.Contains(kinds, field.Kind()) {
		panic(fmt.Sprintf("%s has no field %s of the type that is written", w.message.FullName(), name))
	}
	w.bytes = protowire.AppendTag(w.bytes, field.Number(), wire)
	return field
}

func (w *writer) text(name protoreflect.Name, value string) {
	if value != "" {
		w.field(name, protowire.BytesType, protoreflect.StringKind)
		w.bytes = protowire.AppendString(w.bytes, value)
	}
}

func (w *writer) number(name protoreflect.Name, value int64) {
	if value != 0 {
		w.field(name, protowire.VarintType, protoreflect.Int64Kind, protoreflect.Int32Kind, protoreflect.Uint64Kind, protoreflect.BoolKind)
		w.bytes = protowire.AppendVarint(w.bytes, uint64(value))
	}
}

// inner writes a message within the message, or one entry of a map.
func (w *writer) inner(name protoreflect.Name, fill func(*writer)) {
	field := w.field(name, protowire.BytesType, protoreflect.MessageKind)
	nested := writer{message: field.Message()}
	fill(&nested)
	w.bytes = protowire.AppendBytes(w.bytes, nested.bytes)
}
