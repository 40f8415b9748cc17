package layout

// ours says who in Weir may import what of Weir. What is not here is forbidden
// on purpose: gateway, ingest and aggregator know nothing of each other, the
// log is their only contract; stack/provider and e2e take nothing from gateway,
// so that no mistake is shared between the tested and the test; schemas imports
// nothing of ours.
var ours = rules{
	code: []rule{
		// The three services.
		{"gateway/...", "gateway/...", "main wires the rooms, and the rooms speak to each other"},
		{"gateway/...", "internal/...", "the log, keys, prices, lifecycle, metrics"},
		{"gateway/...", "schemas", "the events that are recorded, money"},
		{"ingest/...", "ingest/...", "main wires the rooms"},
		{"ingest/...", "internal/...", "reads the log; lifecycle and metrics"},
		{"ingest/...", "schemas", "the events that become facts"},
		{"ingest/...", "clickhouse", "where the facts go"},
		{"aggregator/...", "aggregator/...", "main wires the rooms"},
		{"aggregator/...", "internal/...", "reads the log, keeps the live state; lifecycle and metrics"},
		{"aggregator/...", "schemas", "the events that are summed, money, histogram buckets"},
		{"aggregator/...", "clickhouse", "where the rollups go"},

		// What they share.
		{"clickhouse", "schemas", "the columns of the events, topics"},
		{"clickhouse", "internal/eventlog", "checkpoints have the delivery consumer's shape"},
		{"internal/catalog", "schemas", "prices and lines are its money"},
		{"internal/eventlog", "internal/eventlog/spool", "what is not in Kafka yet"},
		{"internal/eventlog", "internal/service", "sizes in its configuration"},
		{"internal/eventlog", "schemas", "events, topics and keys"},

		// The one-machine stack.
		{"stack", "stack/...", "the command starts each part, by its own name, as a child of itself"},
		{"stack/machine", "stack/...", "wires the parts into one machine"},
		{"stack/machine", "internal/control", "the development key is hashed as the gateway will"},
		{"stack/engine", "stack/flock", "one download at a time"},
		{"stack/ports", "stack/flock", "two stacks never choose one port"},
	},
	tests: []rule{
		{"e2e", "e2e/...", "the stack, started as its users do"},
	},
}

// drivers says who may import what is not ours. An adapter is named for what it
// wraps, and only it imports that driver.
var drivers = rules{
	code: []rule{
		// Servers and wire protocols, each behind one adapter.
		{"clickhouse", "github.com/ClickHouse/...", "the only way to ClickHouse: native blocks"},
		{"internal/eventlog", "github.com/twmb/franz-go/pkg/...", "the only way to Kafka"},
		{"internal/live", "github.com/redis/go-redis/v9", "the only way to Redis"},
		{"internal/telemetry", "github.com/prometheus/client_golang/...", "builds the registry"},
		{"internal/eventlog", "github.com/prometheus/client_golang/prometheus", "the spool's and the producer's own metrics"},

		// Formats and small jobs.
		{"internal/service", "github.com/knadh/koanf/...", "reads weir.yaml and lays the environment over it"},
		{"internal/service", "github.com/go-viper/mapstructure/v2", "decodes a section strictly"},
		{"internal/service", "golang.org/x/sync/errgroup", "the first task that fails ends the others"},
		{"internal/eventlog/...", "github.com/oklog/ulid/v2", "nodes are ULIDs"},
		{"internal/eventlog/spool", "golang.org/x/sys/unix", "locks the folder, preallocates segments"},
		{"schemas", "google.golang.org/protobuf/...", "generated code"},
		{"schemas", "github.com/planetscale/vtprotobuf/protohelpers", "generated code"},
		{"tools/catalog", "charm.land/catwalk/pkg/embedded", "limits and abilities of models"},

		// The one-machine stack: no production binary links these.
		{"stack/kafka", "github.com/twmb/franz-go/pkg/kfake", "is Kafka on one machine"},
		{"stack/redis", "github.com/alicebob/miniredis/v2", "is Redis where no redis-server is installed"},
		{"stack/engine", "github.com/ebitengine/purego", "loads libchdb.so without cgo"},
		{"stack/engine", "github.com/mattn/go-isatty", "a progress bar only where someone sees it"},
		{"stack", "github.com/alecthomas/kong", "flags"},
		{"stack/machine", "go.yaml.in/yaml/v3", "writes weir.yaml"},
		{"stack/machine", "golang.org/x/sync/errgroup", "starts what can start side by side"},

		// The end-to-end tests, a module of their own.
		{"e2e/...", "github.com/ClickHouse/clickhouse-go/v2/...", "reads the tables as a user would, not through our adapter"},
	},
	tests: []rule{
		{"e2e", "github.com/openai/openai-go/v3/...", "OpenAI's own client"},
		{"e2e", "github.com/shopspring/decimal", "exact sums that are not our money type"},
		{"gateway/...", "github.com/google/go-cmp/...", "got and want as a difference"},
		{"internal/...", "github.com/google/go-cmp/...", "got and want as a difference"},
		{"stack/...", "github.com/google/go-cmp/...", "got and want as a difference"},
		{"e2e", "github.com/google/go-cmp/...", "got and want as a difference"},
	},
}
