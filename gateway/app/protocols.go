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
	if err := w.Flush(); err != nil {
		return err
	}
	_, _ = fmt.Fprintln(w, "\nwhat is changed with a warning, by model and values\tby")
	for a := genai.Same + 1; a < genai.AdaptationCount; a++ {
		_, _ = fmt.Fprintln(w, a.String()+"\t"+a.Of())
	}
	return w.Flush()
}
