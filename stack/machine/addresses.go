package machine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"

	"weir/stack/ports"
)

// The two ways of choosing ports.
const (
	PortsFixed = "fixed" // the ones that documentation and habit name
	PortsAuto  = "auto"  // free ones, so that many stacks run beside each other
)

// addresses are host:port each.
type addresses struct {
	gateway, provider, kafka, redis, ingest, aggregator string

	clickHouse, clickHouseHTTP string

	kafkaController string // of Apache Kafka only
}

// chooseAddresses takes a port for every part that will be started.
func chooseAddresses(ctx context.Context, opts Options, set *ports.Set) (addresses, error) {
	var a addresses
	type part struct {
		address *string
		what    string
		fixed   int
		given   string
	}
	wanted := []part{
		{&a.gateway, "gateway", 8080, ""},
		{&a.provider, "mock provider", 8081, ""},
		{&a.clickHouse, "ClickHouse, native", 9000, opts.ClickHouse},
		{&a.clickHouseHTTP, "ClickHouse, HTTP", 8123, givenHTTP(opts)},
		{&a.kafka, "Kafka", 9092, opts.Kafka},
		{&a.redis, "Redis", 6379, opts.Redis},
		{&a.ingest, "ingest's metrics", 9101, ""},
		{&a.aggregator, "aggregator's metrics", 9102, ""},
	}
	if opts.KafkaServer == KafkaApache {
		wanted = append(wanted, part{&a.kafkaController, "Kafka's controller", 9093, ""})
	}
	for _, w := range wanted {
		if w.given != "" {
			if _, _, err := net.SplitHostPort(w.given); err != nil {
				return a, fmt.Errorf("%q is no address for %s: write HOST:PORT", w.given, w.what)
			}
			*w.address = w.given
			continue
		}
		port := w.fixed
		var err error
		if opts.Ports == PortsAuto {
			port, err = set.Free(ctx)
		} else {
			err = set.Take(port)
		}
		if errors.Is(err, ports.ErrTaken) {
			return a, fmt.Errorf("port %d (%s) is taken by another program: stop that program, or start with --ports auto", port, w.what)
		}
		if err != nil {
			return a, fmt.Errorf("choose a port for %s: %w", w.what, err)
		}
		*w.address = net.JoinHostPort(ports.Host, strconv.Itoa(port))
	}
	return a, nil
}

// givenHTTP is the HTTP address that goes with a given native one.
func givenHTTP(opts Options) string {
	if opts.ClickHouse == "" || opts.ClickHouseHTTP != "" {
		return opts.ClickHouseHTTP
	}
	host, _, err := net.SplitHostPort(opts.ClickHouse)
	if err != nil {
		return opts.ClickHouse // the complaint about it comes first
	}
	return net.JoinHostPort(host, "8123")
}

// port is the port of an address made here.
func port(address string) int {
	_, text, _ := net.SplitHostPort(address)
	n, _ := strconv.Atoi(text)
	return n
}
