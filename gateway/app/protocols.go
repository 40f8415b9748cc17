package app

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"weir/gateway/genai"
)

// WriteProtocols writes what becomes of each feature of a request that goes to a
// provider of another protocol than the client's: the table that the gateway itself
// goes by.
func WriteProtocols(out io.Writer) error {
	protocols := genai.Protocols()
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "feature\t"+strings.Join(protocols[:], "\t")) // Flush has the error
	for f := range genai.FeatureCount {
		row := []string{f.String()}
		for _, p := range protocols {
			row = append(row, f.Of(p).String())
		}
		_, _ = fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	return w.Flush()
}
