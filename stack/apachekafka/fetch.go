package apachekafka

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"weir/stack/cache"
)

// Version is that of the jars that pom.xml asks for. For another one: change it here and there, run
//
//	mvn dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory=jars
//	cd jars && sha256sum *.jar >../jars.sha256
const Version = "4.4.0"

// plugin is pinned: what it resolves is held against jars.sha256 anyway, but its options change.
const plugin = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"

//go:embed pom.xml
var pom []byte

//go:embed jars.sha256
var sums []byte

var (
	errNoMaven = errors.New("mvn is not installed, and Apache Kafka comes from Maven Central: install Maven (Debian's package `maven`), " +
		"or give the address of a Kafka with --kafka HOST:PORT, or leave out --kafka-server")
	errNoJava = errors.New("java is not installed, and Apache Kafka needs Java 17 or newer: install it (Debian's package `openjdk-17-jre-headless`), " +
		"or give the address of a Kafka with --kafka HOST:PORT, or leave out --kafka-server")
)

// Fetch makes sure that the cache has the jars, about 43 MB, and returns their folder, in which nothing
// else is. Maven brings them, from wherever the user's Maven is set up to; each must have the hash that
// is written down here. The error is one sentence for a person.
func Fetch(ctx context.Context, progress io.Writer) (jars string, err error) {
	dir, err := cache.Dir("kafka-" + Version)
	if err != nil {
		return "", err
	}
	jars = filepath.Join(dir, "jars")
	has := func() (bool, error) {
		_, err := os.Stat(jars)
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		return err == nil, err
	}
	return jars, cache.Fill(ctx, dir, "Apache Kafka", progress, has, func() error {
		fmt.Fprintf(progress, "fetching Apache Kafka %s with Maven into %s\n", Version, dir)
		if err := fetch(ctx, dir, jars); err != nil {
			return fmt.Errorf("fetch Apache Kafka: %w", err)
		}
		return nil
	})
}

func fetch(ctx context.Context, dir, jars string) error {
	mvn, err := exec.LookPath("mvn")
	if err != nil {
		return errNoMaven
	}
	scrap, err := os.MkdirTemp(dir, cache.ScrapPrefix)
	if err != nil {
		return err
	}
	defer os.RemoveAll(scrap)
	if err := os.WriteFile(filepath.Join(scrap, "pom.xml"), pom, 0o600); err != nil {
		return err
	}
	brought := filepath.Join(scrap, "jars")
	cmd := exec.CommandContext(ctx, mvn, "--batch-mode", "--quiet", plugin, "-DincludeScope=runtime", "-DoutputDirectory="+brought)
	cmd.Dir = scrap
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("run mvn: %w: %.300s", err, strings.Join(strings.Fields(string(out)), " "))
	}
	if err := verify(brought); err != nil {
		return err
	}
	return os.Rename(brought, jars)
}

// verify holds a folder against jars.sha256: exactly those files, each with its hash.
func verify(dir string) error {
	want := make(map[string]string)
	lines := bufio.NewScanner(bytes.NewReader(sums))
	for lines.Scan() {
		sum, name, _ := strings.Cut(lines.Text(), "  ")
		want[name] = sum
	}
	found, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range found {
		content, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			return err
		}
		sum := sha256.Sum256(content)
		if got := hex.EncodeToString(sum[:]); got != want[entry.Name()] {
			return fmt.Errorf("what Maven brought as %s has the hash sha256-%s where sha256-%s is written down: remove it from Maven's repository (~/.m2) "+
				"and try again, and look at the mirrors that Maven is set up with if it stays so", entry.Name(), got, want[entry.Name()])
		}
		delete(want, entry.Name())
	}
	for name := range want {
		return fmt.Errorf("the jar %s is not among what Maven brought", name)
	}
	return nil
}
