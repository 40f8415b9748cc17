package layout

// ours says who in Weir may import what of Weir. What is not here is forbidden
// on purpose: gateway, ingest and aggregator know nothing of each other, the
// log is their only contract; stack/provider and e2e take nothing from gateway,
// so that no mistake is shared between the tested and the test; schemas imports
// nothing of ours.
var ours = rules{
	code: []rule{
		// The gateway: main, the wiring, and the way of a request.
		{"gateway", "gateway/app", "main is flags, configuration and run"},
		{"gateway", "internal/...", "the sections that its configuration holds, and the lifecycle"},
		{"gateway/app", "gateway/...", "the one place that wires the rooms"},
		{"gateway/app", "internal/...", "the log, keys, prices, lifecycle and metrics, built once"},
		{"gateway/httpapi", "gateway/pipeline", "a route hands its request to the pipeline"},
		{"gateway/httpapi", "gateway/apierror", "what a route refuses itself"},
		{"gateway/httpapi", "gateway/auth", "the routes that only ask for a key"},
		{"gateway/httpapi", "gateway/provider", "lists what is configured"},
		{"gateway/httpapi", "internal/catalog", "lists the models with their prices"},
		{"gateway/...", "schemas", "the events that are recorded, money, request ids"},
		{"gateway/pipeline", "gateway/apierror", "every refusal has its code"},
		{"gateway/pipeline", "gateway/auth", "first step: whose key"},
		{"gateway/pipeline", "gateway/metadata", "the dimensions that the call is recorded under"},
		{"gateway/pipeline", "gateway/metering", "tokens and cost of the answer"},
		{"gateway/pipeline", "gateway/metrics", "counts what passes"},
		{"gateway/pipeline", "gateway/openai", "the wire format of the client and the provider"},
		{"gateway/pipeline", "gateway/provider", "where the call goes"},
		{"gateway/pipeline", "gateway/jsonscan", "peeks into a body"},
		{"gateway/pipeline", "internal/control", "the key that a call is recorded under"},
		{"gateway/apierror", "gateway/jsonscan", "writes its body with the same escapes"},
		{"gateway/auth", "gateway/apierror", "401 and 403"},
		{"gateway/auth", "internal/control", "the keys and how they are hashed"},
		{"gateway/metadata", "gateway/apierror", "400 with the field's name"},
		{"gateway/metadata", "gateway/jsonscan", "reads the client's fields in place"},
		{"gateway/metering", "gateway/jsonscan", "finds the texts to count"},
		{"gateway/metering", "gateway/openai", "usage as the provider reported it"},
		{"gateway/metering", "internal/catalog", "prices"},
		{"gateway/openai", "gateway/apierror", "the provider's errors as ours"},
		{"gateway/openai", "gateway/jsonscan", "edits a body in place"},
		{"gateway/provider", "gateway/apierror", "an unknown provider, one that is down"},

		// Log to facts.
		{"ingest", "ingest/app", "main is flags, configuration and run"},
		{"ingest/app", "ingest/facts", "wires the facts to the log and to ClickHouse"},
		{"ingest/...", "clickhouse", "where the facts go"},
		{"ingest/...", "internal/eventlog", "reads the log"},
		{"ingest/facts", "schemas", "the events that become facts"},
		{"ingest", "ingest/audit", "the commands that audit"},
		{"ingest", "ingest/retire", "the command that ends a node"},
		{"ingest/app", "ingest/audit", "exports the last audit's result"},
		{"ingest/app", "schemas", "the consumer group"},
		{"ingest", "schemas", "the consumer group"},
		{"ingest/audit", "ingest/facts", "a repair makes the same rows"},
		{"ingest/retire", "internal/control", "the control log ends the node"},
		{"ingest/retire", "schemas", "the requests whose calls are closed"},
		{"ingest/audit", "internal/control", "which nodes are retired, and where"},
		{"ingest/audit", "schemas", "the events that are accounted for"},
		{"ingest/...", "internal/service", "configuration and lifecycle"},
		{"ingest/app", "internal/control", "the topics are made ready before they are read"},
		{"aggregator/app", "internal/control", "the topics are made ready before they are read"},
		{"ingest/app", "internal/telemetry", "metrics"},

		// Log to rollups and live state.
		{"aggregator", "aggregator/app", "main is flags, configuration and run"},
		{"aggregator/app", "aggregator/...", "wires the rollups and the live state to the log"},
		{"aggregator/follow", "aggregator/rollup", "the live state is summed from the same events"},
		{"aggregator/...", "clickhouse", "where the rollups go"},
		{"aggregator/...", "internal/eventlog", "reads the log"},
		{"aggregator/...", "internal/live", "keeps the live state"},
		{"aggregator/...", "internal/service", "configuration and lifecycle"},
		{"aggregator/app", "internal/telemetry", "metrics"},
		{"aggregator/...", "schemas", "the events that are summed, money, histogram buckets"},

		// What they share.
		{"clickhouse", "schemas", "the columns of the events, topics"},
		{"clickhouse", "internal/eventlog", "checkpoints have the delivery consumer's shape"},
		{"clickhouse/enginetest", "stack/engine", "a real ClickHouse for tests"},
		{"clickhouse/enginetest", "stack/ports", "on a free port"},
		{"internal/catalog", "schemas", "prices and lines are its money"},
		{"internal/control", "internal/eventlog", "the control log is a topic of the log"},
		{"internal/control", "internal/service", "what it takes to read its configuration"},
		{"internal/control", "schemas", "control records"},
		{"internal/eventlog", "internal/eventlog/spool", "what is not in Kafka yet"},
		{"internal/eventlog", "internal/service", "sizes in its configuration, readiness"},
		{"internal/eventlog", "schemas", "events, topics and keys"},

		// The one-machine stack.
		{"stack", "stack/...", "the command starts each part, by its own name, as a child of itself"},
		{"stack/machine", "stack/...", "wires the parts into one machine"},
		{"stack/machine", "internal/control", "the development key is hashed as the gateway will"},
		{"stack/cache", "stack/flock", "one download at a time"},
		{"stack/engine", "stack/cache", "keeps the library"},
		{"stack/apachekafka", "stack/cache", "keeps the jars"},
		{"stack/ports", "stack/flock", "two stacks never choose one port"},

		// End to end.
		{"e2e/bench/...", "e2e/stacktest", "measures the stack, started as its users do"},
		{"e2e/bench", "e2e/bench/...", "one command for all benchmarks"},
		{"e2e/bench/calls", "e2e/bench/measure", "processor time, memory, medians"},
		{"e2e/bench/events", "e2e/bench/measure", "processor time, memory, medians"},
		{"e2e/bench/events", "e2e/bench/calls", "freshness begins with calls"},
	},
	tests: []rule{
		{"gateway/httpapi", "gateway/...", "the whole surface, before a provider that is faked"},
		{"gateway/httpapi", "internal/...", "wired as in gateway/app, with a ledger in memory"},
		{"clickhouse", "clickhouse/enginetest", "tested on the real thing"},
		{"ingest/...", "clickhouse/enginetest", "tested on the real thing"},
		{"ingest/...", "ingest/app", "an ingest that runs"},
		{"ingest/audit", "ingest/retire", "an audit is clean after it"},
		{"ingest/...", "internal/telemetry", "the registry of a journal"},
		{"stack/...", "stack/ports", "free ports"},
		{"internal/control", "internal/eventlog/kafkatest", "the fake Kafka or the real one"},
		{"internal/eventlog", "internal/eventlog/kafkatest", "the fake Kafka or the real one"},
		{"e2e", "e2e/stacktest", "the stack, started as its users do"},
	},
}

// drivers says who may import what is not ours. An adapter is named for what it
// wraps, and only it imports that driver.
var drivers = rules{
	code: []rule{
		// Servers and wire protocols, each behind one adapter.
		{"clickhouse", "github.com/ClickHouse/...", "the only way to ClickHouse: native blocks"},
		{"clickhouse", "github.com/golang-migrate/migrate/v4/...", "its migrations"},
		{"gateway/httpapi", "github.com/gin-gonic/gin", "the HTTP surface"},
		{"internal/eventlog", "github.com/twmb/franz-go/pkg/...", "the only way to Kafka"},
		{"internal/live", "github.com/redis/go-redis/v9", "the only way to Redis"},

		// Metrics: telemetry builds the registry, each owner its own metrics.
		{"internal/telemetry", "github.com/prometheus/client_golang/...", "builds and serves the registry"},
		{"aggregator/follow", "github.com/prometheus/client_golang/prometheus", "live state behind the log"},
		{"aggregator/app", "github.com/prometheus/client_golang/prometheus", "which generation serves, and the metrics of each"},
		{"gateway/metrics", "github.com/prometheus/client_golang/prometheus", "calls, tokens, attempts"},
		{"internal/eventlog", "github.com/prometheus/client_golang/prometheus", "spool, producer and consumer"},

		// Formats and small jobs.
		{"aggregator", "github.com/alecthomas/kong", "flags"},
		{"gateway", "github.com/alecthomas/kong", "flags"},
		{"ingest", "github.com/alecthomas/kong", "flags"},
		{"gateway/metering", "github.com/tiktoken-go/tokenizer", "counts where a provider reports nothing"},
		{"ingest/audit", "github.com/prometheus/client_golang/prometheus", "the last audit's result"},
		{"ingest/retire", "github.com/oklog/ulid/v2", "the node that closes the calls is one"},
		{"internal/control", "github.com/oklog/ulid/v2", "command ids are ULIDs"},
		{"internal/eventlog/...", "github.com/oklog/ulid/v2", "nodes are ULIDs"},
		{"internal/eventlog/spool", "golang.org/x/sys/unix", "locks the folder, preallocates segments"},
		{"internal/service", "github.com/go-viper/mapstructure/v2", "decodes a section strictly"},
		{"internal/service", "github.com/knadh/koanf/...", "reads weir.yaml and lays the environment over it"},
		{"internal/service", "golang.org/x/sync/errgroup", "the first task that fails ends the others"},
		{"schemas", "github.com/oklog/ulid/v2", "request ids are ULIDs"},
		{"schemas", "github.com/planetscale/vtprotobuf/protohelpers", "generated code"},
		{"schemas", "google.golang.org/protobuf/...", "generated code"},
		{"tools/catalog", "charm.land/catwalk/pkg/embedded", "limits and abilities of models"},

		// The one-machine stack: no production binary links these.
		{"stack", "github.com/alecthomas/kong", "flags"},
		{"stack/engine", "github.com/ebitengine/purego", "loads libchdb.so without cgo"},
		{"stack/engine", "github.com/mattn/go-isatty", "a progress bar only where someone sees it"},
		{"stack/kafka", "github.com/twmb/franz-go/pkg/kfake", "is Kafka on one machine"},
		{"stack/kafka", "github.com/twmb/franz-go/pkg/kgo", "has dead members leave their group"},
		{"stack/kafka", "github.com/twmb/franz-go/pkg/kmsg", "reads what members of groups send"},
		{"stack/machine", "go.yaml.in/yaml/v3", "writes weir.yaml"},
		{"stack/machine", "golang.org/x/sync/errgroup", "starts what can start side by side"},
		{"stack/redis", "github.com/alicebob/miniredis/v2", "is Redis where no redis-server is installed"},

		{"internal/eventlog/kafkatest", "github.com/twmb/franz-go/pkg/...", "the fake, and how the real one is emptied"},

		// The end-to-end tests, a module of their own.
		{"e2e/stacktest", "github.com/ClickHouse/clickhouse-go/v2/...", "reads the tables as a user would, not through our adapter"},
		{"e2e/stacktest", "github.com/redis/go-redis/v9", "reads the live sums by their documented names, not through our adapter"},
		{"e2e/bench/events", "github.com/bufbuild/protocompile", "writes events from the .proto itself, without our code"},
		{"e2e/bench/events", "google.golang.org/protobuf/...", "their wire form"},
		{"e2e/bench/events", "github.com/twmb/franz-go/pkg/...", "fills the log as a gateway would, without our adapter"},
	},
	tests: []rule{
		{"aggregator/...", "github.com/google/go-cmp/...", "got and want as a difference"},
		{"clickhouse", "github.com/google/go-cmp/...", "got and want as a difference"},
		{"e2e", "github.com/google/go-cmp/...", "got and want as a difference"},
		{"gateway/...", "github.com/google/go-cmp/...", "got and want as a difference"},
		{"ingest/...", "github.com/google/go-cmp/...", "got and want as a difference"},
		{"internal/...", "github.com/google/go-cmp/...", "got and want as a difference"},
		{"stack/...", "github.com/google/go-cmp/...", "got and want as a difference"},
		{"e2e", "github.com/openai/openai-go/v3/...", "OpenAI's own client"},
		{"e2e", "github.com/shopspring/decimal", "exact sums that are not our money type"},
		{"e2e", "golang.org/x/sys/unix", "takes the disk away from a running gateway"},
		{"gateway/...", "google.golang.org/protobuf/...", "compares events"},
		{"gateway/httpapi", "github.com/prometheus/client_golang/...", "reads the metrics that were counted"},
		{"ingest/...", "github.com/twmb/franz-go/pkg/...", "the protocol is faked, and records are planted in it"},
		{"aggregator/follow", "github.com/alicebob/miniredis/v2/...", "Redis that can be lost at will"},
		{"internal/live", "github.com/alicebob/miniredis/v2", "the protocol is faked, the client is not"},
		{"stack/kafka", "github.com/twmb/franz-go/pkg/...", "a real client speaks to it"},
	},
}
