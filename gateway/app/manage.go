package app

import (
	"errors"
	"time"

	"weir/clickhouse"
	"weir/gateway/auth"
	"weir/gateway/credential"
	"weir/gateway/manage"
	"weir/gateway/provider"
	"weir/internal/control"
	"weir/internal/live"
)

// management builds the management API on the control state.
func (g *Gateway) management(state *control.Store, keys auth.Keys, redis *live.Store, ledger *clickhouse.DB, partitions int32, providers *provider.Set, ring *credential.Keyring) (*manage.Management, error) {
	operator, err := g.config.operatorHash()
	credits, err2 := g.config.startingCredits()
	if err := errors.Join(err, err2); err != nil {
		return nil, err
	}
	return manage.New(manage.Options{
		State: state.State, Log: state, Trail: state, Keys: keys,
		Spend:     &liveSpend{redis: redis, partitions: int(partitions), now: time.Now},
		Usage:     ledger,
		Providers: providers, Ring: ring, Egress: g.config.egress(),
		HashSecret: g.config.KeyHashSecret, OperatorHash: operator, StartingCredits: credits, Logger: g.log, Now: time.Now,
	}), nil
}
