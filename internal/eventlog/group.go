package eventlog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// Groups returns the names of the consumer groups that begin with a prefix,
// those without members included.
func (l *Log) Groups(ctx context.Context, prefix string) ([]string, error) {
	listed, err := kadm.NewClient(l.client).ListGroups(ctx)
	if err != nil {
		return nil, fmt.Errorf("list groups: %w", err)
	}
	return slices.DeleteFunc(listed.Groups(), func(name string) bool { return !strings.HasPrefix(name, prefix) }), nil
}

// Members returns how many members a group has; none when there is no group.
func (l *Log) Members(ctx context.Context, group string) (int, error) {
	described, err := kadm.NewClient(l.client).DescribeGroups(ctx, group)
	if err == nil {
		err = described.Error()
	}
	if errors.Is(err, kerr.GroupIDNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("describe group %s: %w", group, err)
	}
	return len(described[group].Members), nil
}

// DeleteGroup deletes a group without members, and with it what it has
// committed. One that is not there is no error.
func (l *Log) DeleteGroup(ctx context.Context, group string) error {
	deleted, err := kadm.NewClient(l.client).DeleteGroup(ctx, group)
	if err == nil {
		err = deleted.Err
	}
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return fmt.Errorf("delete group %s: %w", group, err)
	}
	return nil
}
