package service

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"reflect"
	"slices"
	"strings"
)

// Commands are what every binary tells about itself and its running twin, with
// kong's tags; embed it in the binary's own command line beside Flags.
type Commands struct {
	Health struct{} `cmd:"" help:"Ask the service that runs with this configuration whether it is ready, and end: code 0 when it is. For health checks of containers, which have no shell."`
	Env    struct{} `cmd:"" help:"List the environment variables that are read, one a line, and end."`
}

// AskReady asks /readyz of the service that listens on listen, "host:port" as
// in its configuration, where no host or an unspecified one means this machine.
// It writes the answer to out. Errors: nobody listens, no answer within the time
// that a check may take, or an answer other than 200.
func AskReady(ctx context.Context, listen string, out io.Writer) error {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return fmt.Errorf("read the address %q to ask: %w", listen, err)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	ctx, cancel := context.WithTimeout(ctx, 2*checkLimit)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/readyz", nil)
	if err != nil {
		return err
	}
	// Never by way of a proxy that the environment names for the providers.
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("ask whether the service is ready: %w", err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(out, io.LimitReader(response.Body, 1<<20)); err != nil {
		return fmt.Errorf("read whether the service is ready: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("not ready: %s", response.Status)
	}
	return nil
}

// WriteEnv lists, sorted, one a line, every environment variable that Load
// understands for these sections and that commandLine, a struct with kong's
// tags, takes its flags from.
func WriteEnv(out io.Writer, commandLine any, sections map[string]any) error {
	names := append(EnvNames(sections), flagVariables(reflect.TypeOf(commandLine))...)
	slices.Sort(names)
	_, err := io.WriteString(out, strings.Join(slices.Compact(names), "\n")+"\n")
	return err
}

func flagVariables(t reflect.Type) []string {
	var names []string
	for f := range t.Fields() {
		if f.Type.Kind() == reflect.Struct {
			names = append(names, flagVariables(f.Type)...)
		}
		if variable := f.Tag.Get("env"); variable != "" {
			names = append(names, strings.Split(variable, ",")...)
		}
	}
	return names
}
