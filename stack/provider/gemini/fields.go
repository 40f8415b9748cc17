package gemini

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"weir/stack/provider/answer"
)

// fields are the names that an object may have, with those of the objects below; nil is anything.
type fields map[string]fields

func named(names string, below fields) fields {
	f := fields{}
	for name := range strings.FieldsSeq(names) {
		f[name] = nil
	}
	maps.Copy(f, below)
	return f
}

// requestFields are those of a request, as the API's reference lists them.
func requestFields() fields {
	content := named("role", fields{"parts": named("text thought thoughtSignature executableCode codeExecutionResult "+
		"videoMetadata mediaResolution partMetadata", fields{
		"inlineData":       named("mimeType data displayName", nil),
		"fileData":         named("mimeType fileUri displayName", nil),
		"functionCall":     named("id name args partialArgs willContinue", nil),
		"functionResponse": named("id name response parts scheduling willContinue", nil),
	})})
	return named("cachedContent model labels serviceTier store", fields{
		"contents":          content,
		"systemInstruction": content,
		"safetySettings":    named("category threshold method", nil),
		"tools": named("googleSearch googleSearchRetrieval codeExecution urlContext computerUse fileSearch googleMaps retrieval "+
			"enterpriseWebSearch", fields{"functionDeclarations": named("name description behavior parameters parametersJsonSchema "+
			"response responseJsonSchema", nil)}),
		"toolConfig": named("retrievalConfig includeServerSideToolInvocations", fields{
			"functionCallingConfig": named("mode allowedFunctionNames streamFunctionCallArguments", nil)}),
		"generationConfig": named("candidateCount stopSequences maxOutputTokens temperature topP topK responseMimeType responseSchema "+
			"responseJsonSchema presencePenalty frequencyPenalty seed responseLogprobs logprobs enableEnhancedCivicAnswers speechConfig "+
			"imageConfig mediaResolution responseModalities audioTimestamp routingConfig", fields{
			"thinkingConfig": named("includeThoughts thinkingBudget thinkingLevel", nil)}),
	})
}

// schemaFields are those of Google's own Schema, which knows less than JSON Schema.
func schemaFields() fields {
	return named("type format title description nullable enum maxItems minItems properties required minProperties maxProperties "+
		"minLength maxLength pattern example anyOf propertyOrdering default items minimum maximum", nil)
}

// check refuses names in value that allowed does not have, and writes those that are given in snake_case, which
// Google takes as well, in camelCase.
func check(value any, allowed fields, at string) error {
	if allowed == nil {
		return nil
	}
	switch v := value.(type) {
	case []any:
		for i, one := range v {
			if err := check(one, allowed, fmt.Sprintf("%s[%d]", at, i)); err != nil {
				return err
			}
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			camel := inCamelCase(name)
			below, known := allowed[camel]
			if !known {
				return unknown(name, at)
			}
			rename(v, name, camel)
			at := strings.TrimPrefix(at+"."+name, ".")
			if camel == "responseSchema" || camel == "parameters" {
				if err := checkSchema(v[camel], at); err != nil {
					return err
				}
			}
			if err := check(v[camel], below, at); err != nil {
				return err
			}
		}
	}
	return nil
}

// inCamelCase is a name that may be in snake_case.
func inCamelCase(name string) string {
	words := strings.Split(name, "_")
	for i, word := range words[1:] {
		if word != "" {
			words[i+1] = strings.ToUpper(word[:1]) + word[1:]
		}
	}
	return strings.Join(words, "")
}

func rename(object map[string]any, from, to string) {
	if from != to {
		object[to] = object[from]
		delete(object, from)
	}
}

func unknown(name, at string) error {
	where := ""
	if at != "" {
		where = " at '" + at + "'"
	}
	return answer.Invalid(name, "Invalid JSON payload received. Unknown name %q%s: Cannot find field.", name, where)
}

// checkSchema refuses what Google's Schema does not have: other names, lists of types, other types.
func checkSchema(value any, at string) error {
	object, ok := value.(map[string]any)
	if !ok {
		return answer.Invalid(at, "Invalid value at '%s' (type.googleapis.com/google.ai.generativelanguage.v1beta.Schema)", at)
	}
	for _, name := range slices.Sorted(maps.Keys(object)) {
		camel := inCamelCase(name)
		if _, known := schemaFields()[camel]; !known {
			return unknown(name, at)
		}
		rename(object, name, camel)
	}
	if kind, there := object["type"]; there {
		text, ok := kind.(string)
		if !ok {
			return answer.Invalid(at, "Invalid JSON payload received. Unknown name \"type\" at '%s': Proto field is not repeating, cannot start list.", at)
		}
		if !slices.Contains([]string{"STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL"}, strings.ToUpper(text)) {
			return answer.Invalid(at, "Invalid value at '%s.type' (type.googleapis.com/google.ai.generativelanguage.v1beta.Type), %q", at, text)
		}
	}
	if list, ok := object["enum"].([]any); ok {
		for _, one := range list {
			if _, text := one.(string); !text {
				return answer.Invalid(at, "Invalid value at '%s.enum[0]' (TYPE_STRING)", at)
			}
		}
	}
	if properties, ok := object["properties"].(map[string]any); ok {
		for _, name := range slices.Sorted(maps.Keys(properties)) {
			if err := checkSchema(properties[name], at+".properties["+name+"]"); err != nil {
				return err
			}
		}
	}
	if items, there := object["items"]; there {
		if err := checkSchema(items, at+".items"); err != nil {
			return err
		}
	}
	choices, _ := object["anyOf"].([]any)
	for i, one := range choices {
		if err := checkSchema(one, fmt.Sprintf("%s.any_of[%d]", at, i)); err != nil {
			return err
		}
	}
	return nil
}
