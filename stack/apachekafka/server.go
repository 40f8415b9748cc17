// Package apachekafka is Apache Kafka, the real one, as the log of the one-machine stack: one node that
// is broker and controller, in a JVM of its own. It fetches the jars and says which command lines format
// the data folder and run the server.
//
// An acknowledged record has been handed to the kernel, so it survives kill -9 but not a power cut, as
// with Kafka everywhere: it leaves safety to replicas, and one node has none.
package apachekafka

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Server says where one broker listens and keeps its data.
type Server struct {
	Jars       string // folder from Fetch
	Listen     string // host:port of clients
	Controller string // host:port of the controller, which only the broker itself asks
	Dir        string // folder for configuration and data; the log is in its folder "log"
}

// Command is a command line.
type Command struct {
	Path string
	Args []string
}

// Prepare makes the folder ready for the server and returns the command that runs it. Where there is no
// log yet it has run run the command that makes one.
func (s Server) Prepare(run func(Command) error) (serve Command, err error) {
	java, err := findJava()
	if err != nil {
		return Command{}, err
	}
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return Command{}, fmt.Errorf("create Kafka's folder: %w", err)
	}
	log := filepath.Join(s.Dir, "log")
	config, err := s.configure("server.properties", log)
	if err != nil {
		return Command{}, err
	}
	serve = s.java(java, "kafka.Kafka", config)
	if _, err := os.Stat(log); !errors.Is(err, fs.ErrNotExist) {
		return serve, err
	}
	// A format that was killed half-way is begun again: the log has its name when all of it is there.
	unnamed := filepath.Join(s.Dir, "formatting")
	if err := os.RemoveAll(unnamed); err != nil {
		return Command{}, fmt.Errorf("remove a half formatted log: %w", err)
	}
	if config, err = s.configure("format.properties", unnamed); err != nil {
		return Command{}, err
	}
	if err := run(s.java(java, "kafka.tools.StorageTool", "format", "-t", clusterID, "-c", config)); err != nil {
		return Command{}, err
	}
	return serve, os.Rename(unnamed, log)
}

// clusterID is a UUID in Kafka's own writing of 22 characters.
const clusterID = "d2Vpci1vbmUtbWFjaGluZQ"

// java is a command line with little memory and the first compiler only: it halves the processor time of
// a start, and a broker on one machine is idle most of the time.
func (s Server) java(path, class string, args ...string) Command {
	return Command{path, append([]string{
		"-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true",
		"-Dorg.apache.logging.log4j.level=WARN", "-cp", filepath.Join(s.Jars, "*"), class,
	}, args...)}
}

// findJava is JAVA_HOME's java, else that of PATH.
func findJava() (string, error) {
	if home := os.Getenv("JAVA_HOME"); home != "" {
		return filepath.Join(home, "bin", "java"), nil
	}
	path, err := exec.LookPath("java")
	if err != nil {
		return "", errNoJava
	}
	return path, nil
}

// properties are Kafka's own, but for what one node must change and what a small one need not have.
// Sessions of the broker are short, since after a kill the controller waits for the old one to end.
// Committed offsets never expire: a group that was away for a month goes on where it was.
const properties = `# Written by bin/stack at every start: changes here are lost.
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@%[2]s
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://%[1]s,CONTROLLER://%[2]s
advertised.listeners=PLAINTEXT://%[1]s
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
log.dirs=%[3]s
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
offsets.retention.minutes=2147483647
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
log.cleaner.dedupe.buffer.size=16777216
`

// configure writes the properties of a broker with its log in a folder, and returns their path.
func (s Server) configure(name, log string) (path string, err error) {
	// In a properties file a backslash escapes, in log.dirs a comma separates.
	if strings.ContainsAny(log, ",\n") {
		return "", fmt.Errorf("a log of Kafka cannot be in %s: choose a folder without a comma in its name, with --data DIR", log)
	}
	content := fmt.Sprintf(properties, s.Listen, s.Controller, strings.ReplaceAll(log, `\`, `\\`))
	path = filepath.Join(s.Dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		return "", fmt.Errorf("write Kafka's configuration: %w", err)
	}
	return path, nil
}
