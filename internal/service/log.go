package service

import (
	"fmt"
	"io"
	"log/slog"
)

// Flags are the command-line flags that every binary takes, with kong's tags;
// embed it in the binary's own command line.
type Flags struct {
	Config    string `help:"Configuration file; without one, defaults and environment only." placeholder:"weir.yaml" type:"path" env:"WEIR_CONFIG"`
	LogLevel  string `help:"Least level that is logged: ${enum}." enum:"debug,info,warn,error" default:"info" env:"WEIR_LOG_LEVEL"`
	LogFormat string `help:"How a line of the log is written: ${enum}." enum:"json,text" default:"json" env:"WEIR_LOG_FORMAT"`
}

// NewLogger writes to w at the flags' level and format. An unknown level or
// format is an error.
func NewLogger(w io.Writer, flags Flags) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(flags.LogLevel)); err != nil {
		return nil, fmt.Errorf("read log level: %w", err)
	}
	options := &slog.HandlerOptions{Level: level}
	switch flags.LogFormat {
	case "json":
		return slog.New(slog.NewJSONHandler(w, options)), nil
	case "text":
		return slog.New(slog.NewTextHandler(w, options)), nil
	}
	return nil, fmt.Errorf("read log format: expects json or text, got %q", flags.LogFormat)
}
