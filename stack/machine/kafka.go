package machine

import (
	"context"
	"fmt"
	"os"

	"weir/stack/apachekafka"
	"weir/stack/supervisor"
)

// The Kafkas that a stack starts.
const (
	KafkaFake   = "kfake"  // in one process, up in no time
	KafkaApache = "apache" // the real one
)

// kafkaFolder is where each keeps its log. They cannot read each other's.
func kafkaFolder(server string) string {
	if server == KafkaApache {
		return "kafka-apache"
	}
	return partKafka
}

// checkKafka refuses a folder whose log is in another Kafka: a ledger that is left behind would be
// missing in the new one, and the tables made from it would be ahead of the log.
func (s *Stack) checkKafka() error {
	other := KafkaApache
	if s.opts.KafkaServer == KafkaApache {
		other = KafkaFake
	}
	if s.opts.Kafka != "" {
		if s.opts.KafkaServer == KafkaApache {
			return fmt.Errorf("--kafka %s names a Kafka to use and --kafka-server %s one to start: leave out one of them", s.opts.Kafka, KafkaApache)
		}
		return nil
	}
	dir := s.data.path(kafkaFolder(other))
	if _, err := os.Stat(dir); err == nil {
		return fmt.Errorf("the ledger of the data folder %s is in %s, which --kafka-server %s wrote: start with that, or choose another folder with --data DIR", s.data, dir, other)
	}
	return nil
}

func (s *Stack) startKafka(ctx context.Context) error {
	if s.opts.Kafka != "" {
		return given(ctx, "--kafka", s.opts.Kafka, askKafka(s.opts.Kafka))
	}
	dir := s.data.path(kafkaFolder(s.opts.KafkaServer))
	spec := supervisor.Spec{Name: partKafka, Log: s.logPath(partKafka), Ready: askKafka(s.addresses.kafka)}
	if s.opts.KafkaServer != KafkaApache {
		spec.Path, spec.Args = s.opts.Self, []string{"kafka", "--listen", s.addresses.kafka, "--data", dir}
		return s.startPart(ctx, spec)
	}
	jars, err := apachekafka.Fetch(ctx, s.opts.Out)
	if err != nil {
		return err
	}
	server := apachekafka.Server{Jars: jars, Listen: s.addresses.kafka, Controller: s.addresses.kafkaController, Dir: dir}
	serve, err := server.Prepare(func(format apachekafka.Command) error {
		return s.supervisor.Run(ctx, supervisor.Spec{
			Name: partKafkaFormat, Path: format.Path, Args: format.Args, Log: s.logPath(partKafkaFormat),
		})
	})
	if err != nil {
		return err
	}
	spec.Path, spec.Args = serve.Path, serve.Args
	return s.startPart(ctx, spec)
}
