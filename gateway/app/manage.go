package app

import (
	"errors"
	"time"

	"weir/gateway/auth"
	"weir/gateway/manage"
	"weir/internal/control"
)

// management builds the management API on the control state.
func (g *Gateway) management(state *control.Store, keys auth.Keys) (*manage.Management, error) {
	operator, err := g.config.operatorHash()
	credits, err2 := g.config.startingCredits()
	if err := errors.Join(err, err2); err != nil {
		return nil, err
	}
	return manage.New(manage.Options{
		State: state.State, Log: state, Trail: state, Keys: keys,
		HashSecret: g.config.KeyHashSecret, OperatorHash: operator, StartingCredits: credits, Logger: g.log, Now: time.Now,
	}), nil
}
