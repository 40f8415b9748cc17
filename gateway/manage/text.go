package manage

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"weir/gateway/apierror"
)

// What a person may write, in bytes.
const (
	maxName       = 256
	maxReason     = 1024
	maxLabels     = 64
	maxLabelName  = 64
	maxLabelValue = 512
	maxModels     = 1000
)

// checkText refuses what is empty, too long, no UTF-8, or has control characters.
func checkText(field, s string, most int) *apierror.Error {
	switch {
	case strings.TrimSpace(s) == "":
		return apierror.Invalid(field, field+" is empty. Give it a value.")
	case len(s) > most:
		return apierror.Invalid(field, fmt.Sprintf("%s has %d bytes; at most %d are allowed.", field, len(s), most))
	case !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl):
		return apierror.Invalid(field, field+" contains characters that cannot be shown. Remove line breaks and control characters.")
	}
	return nil
}

// checkLabels refuses labels over their limits.
func checkLabels(labels map[string]string) *apierror.Error {
	if len(labels) > maxLabels {
		return apierror.Invalid("labels", fmt.Sprintf("labels has %d entries; at most %d are allowed.", len(labels), maxLabels))
	}
	for name, value := range labels {
		if e := checkText("labels", name, maxLabelName); e != nil {
			e.Message = "The name of an entry of " + e.Message
			return e
		}
		if value == "" {
			continue
		}
		if e := checkText("labels."+name, value, maxLabelValue); e != nil {
			return e
		}
	}
	return nil
}

// orNull is a string of an answer that is null when there is none.
func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
