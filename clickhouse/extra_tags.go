package clickhouse

import (
	"context"
	"encoding/json"
	"fmt"
)

// rollupNote is the comment of a generation's table, as JSON.
type rollupNote struct {
	// ExtraTags are the names of extra entries that count as tags in it.
	ExtraTags []string `json:"extra_tags"`
}

// SetExtraTags notes at the table of a generation which extra entries are summed
// as tags in it, for those who compare it with usage.
func (db *DB) SetExtraTags(ctx context.Context, generation int, names []string) error {
	if names == nil {
		names = []string{}
	}
	text, err := json.Marshal(rollupNote{names})
	if err != nil {
		return err
	}
	if err := db.conn.Exec(ctx, "ALTER TABLE "+rollupsTable(generation)+" MODIFY COMMENT "+quote(string(text))); err != nil {
		return fmt.Errorf("note the extra tags of %s: %w", rollupsTable(generation), err)
	}
	return nil
}

// ExtraTags returns what SetExtraTags has noted; known is false when nothing was.
func (db *DB) ExtraTags(ctx context.Context, generation int) (names []string, known bool, err error) {
	var comment string
	err = db.conn.QueryRow(ctx, "SELECT any(comment) FROM system.tables WHERE database = ? AND name = ?", db.database, rollupsTable(generation)).Scan(&comment)
	if err != nil {
		return nil, false, fmt.Errorf("read the extra tags of %s: %w", rollupsTable(generation), err)
	}
	var note rollupNote
	if json.Unmarshal([]byte(comment), &note) != nil || note.ExtraTags == nil {
		return nil, false, nil
	}
	return note.ExtraTags, true, nil
}
