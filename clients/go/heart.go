package sidecommit

import (
	"context"
	"sync"
	"time"

	"google.golang.org/grpc/connectivity"

	pb "sidecommit.dev/go/sidecommitv1"
)

// A KeepAlive takes so many transactions.
const keepAliveIDs = 1000

// heart keeps open transactions from their idle timeout while the application works on something else.
type heart struct {
	client *Client

	mu      sync.Mutex
	open    map[string]struct{}
	every   time.Duration
	beating bool
	// faster is for a beat that waits too long.
	faster chan struct{}
}

func newHeart(c *Client) *heart {
	return &heart{client: c, open: map[string]struct{}{}, faster: make(chan struct{}, 1)}
}

// watch learns the idle timeout of each sidecar that is connected to: a restart may change it.
func (h *heart) watch() {
	for {
		state := h.client.connection.GetState()
		if state == connectivity.Ready {
			h.learn()
		}
		if !h.client.connection.WaitForStateChange(h.client.base, state) {
			return
		}
	}
}

func (h *heart) learn() {
	info, err := h.client.ServerInfo(h.client.base)
	if err != nil {
		h.client.logger.Debug("sidecommit: asking for the idle timeout", "error", err)
		return
	}
	h.set(info.GetLimits().GetIdleTimeout().AsDuration() / 3)
}

func (h *heart) set(every time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	every = max(every, 10*time.Millisecond)
	if h.every == every {
		return
	}
	h.every = every
	select {
	case h.faster <- struct{}{}:
	default:
	}
}

func (h *heart) period() time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.every
}

func (h *heart) add(id string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.open[id] = struct{}{}
	if !h.beating {
		h.beating = true
		go h.beat()
	}
}

func (h *heart) remove(id string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.open, id)
}

// beat runs until nothing was open for a while.
func (h *heart) beat() {
	for {
		due := time.NewTimer(h.period())
		select {
		case <-due.C:
		case <-h.faster:
			due.Stop()
		case <-h.client.base.Done():
			due.Stop()
			return
		}
		ids := h.ids()
		if len(ids) == 0 {
			return
		}
		for len(ids) > 0 {
			n := min(len(ids), keepAliveIDs)
			h.keep(ids[:n])
			ids = ids[n:]
		}
	}
}

// ids of what is open; if that is nothing the beat has ended.
func (h *heart) ids() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	ids := make([]string, 0, len(h.open))
	for id := range h.open {
		ids = append(ids, id)
	}
	h.beating = len(ids) > 0
	return ids
}

// keep repeats until the next beat. Whatever it is told, the transaction's own next call is told as well.
func (h *heart) keep(ids []string) {
	ctx, cancel := context.WithTimeout(h.client.base, h.period())
	defer cancel()
	_, err := repeat(ctx, h.client, rpcKeepAlive, func(ctx context.Context) (*pb.KeepAliveResponse, error) {
		return h.client.transactions.KeepAlive(ctx, &pb.KeepAliveRequest{TransactionIds: ids})
	})
	if err != nil {
		h.client.logger.Debug("sidecommit: keeping transactions alive", "transactions", len(ids), "error", err)
	}
}
