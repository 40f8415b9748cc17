package events

import (
	"context"
	"fmt"
	"strconv"
)

// rowBytes is the size on disk of a row of weir.usage.
func (w *world) rowBytes(ctx context.Context) (float64, error) {
	text, err := w.db.ask(ctx, statement("bytes_per_row"))
	if err != nil {
		return 0, err
	}
	size, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0, fmt.Errorf("read the size of a row: %w", err)
	}
	return size, nil
}
