package kafka

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Consumers that are killed while they wait to join give their partitions back.
// Each of them is one that kfake would keep in half of all cases.
func TestMembersThatDieWhileTheyJoinAreRemoved(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(8, "topic"), kfake.GroupMinSessionTimeout(time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	address := cluster.ListenAddrs()[0]
	swept := make(chan error, 1)
	go func() { swept <- watchFor(cluster).sweep(ctx, address, 50*time.Millisecond) }()
	defer func() {
		cancel()
		if err := <-swept; err != nil {
			t.Error(err)
		}
	}()

	assigned := make(chan int, 16)
	cl, err := kgo.NewClient(kgo.SeedBrokers(address), kgo.ConsumerGroup("group"), kgo.ConsumeTopics("topic"),
		kgo.Balancers(kgo.RangeBalancer()), kgo.SessionTimeout(time.Second), kgo.RebalanceTimeout(time.Second), kgo.HeartbeatInterval(200*time.Millisecond),
		kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, m map[string][]int32) { assigned <- len(m["topic"]) }))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	if n := <-assigned; n != 8 {
		t.Fatalf("the only member has %d partitions", n)
	}
	var dying sync.WaitGroup
	for range 7 {
		dying.Go(func() {
			if err := joinAndDie(ctx, address); err != nil {
				t.Error(err)
			}
		})
	}
	dying.Wait()
	for shared := false; ; {
		select {
		case n := <-assigned:
			shared = shared || n < 8
			if shared && n == 8 {
				return
			}
		case <-ctx.Done():
			groups, err := kadm.NewClient(cl).DescribeGroups(t.Context(), "group")
			t.Fatalf("the partitions of dead members did not come back: shared %v, %v, %v", shared, groups["group"].Members, err)
		}
	}
}

// joinAndDie asks to join the group and is gone when the answer comes.
func joinAndDie(ctx context.Context, address string) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(address))
	if err != nil {
		return err
	}
	defer cl.Close()
	meta := kmsg.NewConsumerMemberMetadata()
	meta.Topics = []string{"topic"}
	join := kmsg.NewPtrJoinGroupRequest()
	join.Group, join.ProtocolType, join.SessionTimeoutMillis, join.RebalanceTimeoutMillis = "group", "consumer", 1000, 1000
	join.Protocols = []kmsg.JoinGroupRequestProtocol{{Name: "range", Metadata: meta.AppendTo(nil)}}
	resp, err := join.RequestWith(ctx, cl)
	if err != nil || resp.MemberID == "" {
		return fmt.Errorf("join: %v, %w", resp, err)
	}
	join.MemberID = resp.MemberID
	moment, cancel := context.WithTimeout(ctx, 50*time.Millisecond) // the other member joins at its next heartbeat
	defer cancel()
	_, _ = join.RequestWith(moment, cl) // nobody waits for the answer
	return nil
}
