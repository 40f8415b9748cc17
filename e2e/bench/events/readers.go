package events

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// prepare makes the tables of the readers that are not Weir's.
func (w *world) prepare(ctx context.Context) error {
	for _, text := range []string{
		"CREATE DATABASE bench",
		"CREATE TABLE bench.from_kafka AS weir.usage",
		"CREATE TABLE bench.from_file AS weir.usage",
		statement("kafka_table", "brokers", w.stack.Kafka),
	} {
		if _, err := w.db.ask(ctx, text); err != nil {
			return err
		}
	}
	return nil
}

// process is ingest or aggregator, which reads while it runs.
func (w *world) process(name, count string) reader {
	return reader{
		name: name, own: name, group: "weir-" + name, count: count,
		begin: func(context.Context) error { return w.stack.Signal(name, syscall.SIGCONT) },
		end:   func(context.Context) error { return w.stack.Signal(name, syscall.SIGSTOP) },
	}
}

// engine reads while a view is attached to its table.
func (w *world) engine() reader {
	return reader{
		name: KafkaEngine, group: "bench", count: "SELECT count() FROM bench.from_kafka",
		begin: func(ctx context.Context) error {
			_, err := w.db.ask(ctx, statement("kafka_view"))
			return err
		},
		end: func(ctx context.Context) error {
			_, err := w.db.ask(ctx, "DROP TABLE bench.kafka_view SYNC")
			return err
		},
	}
}

// file inserts the newest events of weir.usage, in the order of the log, from a file in ClickHouse's own format.
func (w *world) file(events int) reader {
	path := filepath.Join(w.data, "rows.native")
	return reader{
		name: ReadyFile, count: "SELECT count() FROM bench.from_file",
		ready: func(ctx context.Context) error {
			if err := w.complete(ctx, countUsage); err != nil {
				return fmt.Errorf("the file has the rows that ingest has written: %w", err)
			}
			file, err := os.Create(path)
			if err != nil {
				return fmt.Errorf("make the file of rows: %w", err)
			}
			defer file.Close()
			return w.db.save(ctx, fmt.Sprintf("SELECT * FROM weir.usage WHERE seq > %d ORDER BY kafka_partition, kafka_offset FORMAT Native",
				3*(w.filled-events)), file)
		},
		begin: func(ctx context.Context) error {
			file, err := os.Open(path)
			if err != nil {
				return fmt.Errorf("open the file of rows: %w", err)
			}
			defer file.Close()
			return w.db.send(ctx, "INSERT INTO bench.from_file FORMAT Native", file)
		},
	}
}

// compare is an error when two tables differ in any column of any row.
func (w *world) compare(ctx context.Context, tables ...string) error {
	first := ""
	for i, table := range tables {
		sum, err := w.db.ask(ctx, statement("table_sum", "table", table))
		if err != nil {
			return err
		}
		if i == 0 {
			first = sum
		}
		if sum != first {
			return fmt.Errorf("%s adds up to %q, %s to %q", tables[0], first, table, sum)
		}
	}
	return nil
}
