package app

import (
	"context"
	"time"

	"weir/internal/telemetry"
)

// askEvery is how often an aggregator asks which generation serves, and tells
// Redis. An answer that takes longer is not waited for.
const askEvery = 2 * time.Second

// serve delivers the generation that the views read, and moves to another one
// when a rebuild has switched to it. Until then the old one is written on, which
// nobody reads and nothing is lost by.
func (a *App) serve(ctx context.Context) error {
	generation := a.waitForGeneration(ctx)
	for ctx.Err() == nil {
		next, err := a.deliver(ctx, generation)
		if err != nil {
			return err
		}
		if ctx.Err() == nil {
			a.o.Logger.Info("the views read another generation; moving to it", "from", generation, "to", next)
		}
		generation = next
	}
	return nil
}

// waitForGeneration asks until ClickHouse answers or ctx ends.
func (a *App) waitForGeneration(ctx context.Context) int {
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	for {
		asked, cancel := context.WithTimeout(ctx, askEvery)
		generation, err := a.db.ActiveGeneration(asked)
		cancel()
		if err == nil {
			return generation
		}
		if ctx.Err() == nil {
			a.o.Logger.Warn("waiting for ClickHouse to say which generation of the rollups serves", "error", err)
		}
		select {
		case <-ctx.Done():
			return 0
		case <-tick.C:
		}
	}
}

// deliver works on one generation until ctx ends or another one serves, which it
// returns.
func (a *App) deliver(ctx context.Context, generation int) (next int, err error) {
	// The names of the metrics are free again for the next generation.
	scope := telemetry.NewScope(a.registry)
	defer scope.Close()
	w := newWorker(a.o, a.db, a.log, generation, false, scope)
	a.current.Store(w)
	a.serving.Set(float64(generation))
	a.o.Logger.Info("serving", "generation", generation)

	running, stop := context.WithCancel(ctx)
	defer stop()
	watched := make(chan int, 1)
	go func() {
		defer stop()
		watched <- a.watch(running, w)
	}()
	err = w.run(running)
	stop()
	return <-watched, err
}

// watch returns the generation that serves once it is another than the worker's,
// or the worker's own when ctx ends. A ClickHouse that is away changes nothing.
func (a *App) watch(ctx context.Context, w *worker) int {
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	away := false
	for {
		active, err := a.ask(ctx, w)
		switch {
		case err == nil && active != w.generation:
			return active
		case err != nil && !away && ctx.Err() == nil:
			a.o.Logger.Warn("ask which generation serves; staying", "generation", w.generation, "error", err)
		}
		away = err != nil
		select {
		case <-ctx.Done():
			return w.generation
		case <-tick.C:
		}
	}
}

// ask asks which generation serves and, when it is the worker's, says so to the
// readers of live sums. Both within one limit: a process that slept in between
// must not tell them of a generation from before.
func (a *App) ask(ctx context.Context, w *worker) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, askEvery)
	defer cancel()
	active, err := a.db.ActiveGeneration(ctx)
	if err != nil || active != w.generation {
		return active, err
	}
	_ = w.redis.Serve(ctx) // the follower tells of a Redis that is away
	return active, nil
}
