package manage

import (
	"bytes"
	"encoding/json"
	"errors"

	"github.com/danielgtaylor/huma/v2"
)

// maxCredential bounds a cloud's credential, in bytes: a service account's file with a
// large key.
const maxCredential = 12 << 10

// keyText is a provider's key as a request gives it: text, or a cloud's credential as
// the object that its JSON file is.
type keyText string

// UnmarshalJSON takes either.
func (k *keyText) UnmarshalJSON(data []byte) error {
	var text string
	switch {
	case bytes.HasPrefix(data, []byte("{")):
		var compact bytes.Buffer
		if err := json.Compact(&compact, data); err != nil {
			return err
		}
		text = compact.String()
	case json.Unmarshal(data, &text) != nil:
		return errors.New("it is neither a text nor an object")
	}
	*k = keyText(text)
	return nil
}

// Schema documents either.
func (keyText) Schema(huma.Registry) *huma.Schema {
	most := maxCredential
	s := &huma.Schema{OneOf: []*huma.Schema{{Type: huma.TypeString, MaxLength: &most}, {Type: huma.TypeObject, AdditionalProperties: true}}}
	for _, one := range s.OneOf {
		one.PrecomputeMessages()
	}
	return s
}
