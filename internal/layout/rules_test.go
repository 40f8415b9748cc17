package layout

// ours says who in Weir may import what of Weir.
var ours = rules{
	code: []rule{
		{"gateway", "gateway/...", "main wires its rooms"},
	},
}

// drivers says who may import what is not ours. An adapter is named for what it
// wraps, and only it imports that driver.
var drivers = rules{
	code: []rule{
		{"internal/service", "github.com/knadh/koanf/...", "reads weir.yaml and lays the environment over it"},
		{"internal/service", "github.com/go-viper/mapstructure/v2", "decodes a section strictly"},
		{"internal/service", "golang.org/x/sync/errgroup", "the first task that fails ends the others"},
	},
	tests: []rule{
		{"internal/...", "github.com/google/go-cmp/...", "got and want as a difference"},
	},
}
