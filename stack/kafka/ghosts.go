package kafka

import (
	"context"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// sweepEvery is how often members are looked at that have said nothing.
const sweepEvery = 5 * time.Second

// ghosts makes members leave their group that kfake would keep for ever: it
// starts a member's session with the answer to its join, and so never where the
// connection is gone by then. A consumer that is killed while it waits to join
// would hold its share of the partitions, which nobody reads, until the next
// rebalance.
type ghosts struct {
	mu      sync.Mutex // owns members
	members map[member]*session
}

type member struct{ group, id string }

// session is what is known of a member.
type session struct {
	last  time.Time     // of its last request
	limit time.Duration // longer than which no living member is silent
}

// watchFor begins to listen to what the members of groups send.
func watchFor(cluster *kfake.Cluster) *ghosts {
	g := &ghosts{members: make(map[member]*session)}
	for _, key := range []kmsg.Key{kmsg.JoinGroup, kmsg.SyncGroup, kmsg.Heartbeat} {
		cluster.ControlKey(int16(key), func(r kmsg.Request) (kmsg.Response, error, bool) {
			g.heard(r, time.Now())
			return nil, nil, false // the cluster answers
		})
	}
	return g
}

// heard notes a request of a member.
func (g *ghosts) heard(r kmsg.Request, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch r := r.(type) {
	case *kmsg.JoinGroupRequest:
		if r.MemberID != "" { // without one it is told its id and asks again
			// It is silent while it waits for the others to join.
			limit := time.Duration(r.SessionTimeoutMillis+r.RebalanceTimeoutMillis) * time.Millisecond
			g.members[member{r.Group, r.MemberID}] = &session{now, limit}
		}
	case *kmsg.SyncGroupRequest:
		g.alive(member{r.Group, r.MemberID}, now)
	case *kmsg.HeartbeatRequest:
		g.alive(member{r.Group, r.MemberID}, now)
	}
}

func (g *ghosts) alive(m member, now time.Time) {
	if s := g.members[m]; s != nil {
		s.last = now
	}
}

// silent forgets the members that have been silent for too long and returns them.
func (g *ghosts) silent(now time.Time) (gone []member) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for m, s := range g.members {
		if now.Sub(s.last) > s.limit {
			gone = append(gone, m)
			delete(g.members, m)
		}
	}
	return gone
}

// sweep has silent members leave until ctx ends. One that is no member any more
// has kfake say so, which changes nothing.
func (g *ghosts) sweep(ctx context.Context, address string, every time.Duration) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(address))
	if err != nil {
		return err
	}
	defer cl.Close()
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-t.C:
			for _, m := range g.silent(now) {
				r := kmsg.NewPtrLeaveGroupRequest()
				r.Group, r.MemberID = m.group, m.id // before version 3
				r.Members = []kmsg.LeaveGroupRequestMember{{MemberID: m.id}}
				_, _ = r.RequestWith(ctx, cl) // in this process: it fails at a stop only
			}
		}
	}
}
