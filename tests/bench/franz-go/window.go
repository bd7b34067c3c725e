package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"
)

// window is the time that is measured, and what was seen in it.
type window struct {
	start, end time.Time

	mu        sync.Mutex
	latencies []time.Duration
	records   int
	lastEnd   time.Time
}

// newWindow begins when the warm-up is over.
func newWindow(o options) *window {
	start := time.Now().Add(o.warmup)
	return &window{start: start, end: start.Add(o.window), lastEnd: start}
}

func (w *window) isOverAt(t time.Time) bool { return !t.Before(w.end) }

// count takes a transaction; it counts if it began within the window. Its latency is from when its caller asked for it.
func (w *window) count(asked, began time.Time, records int) {
	ended := time.Now()
	if began.Before(w.start) || w.isOverAt(began) {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.latencies = append(w.latencies, ended.Sub(asked))
	w.records += records
	if ended.After(w.lastEnd) {
		w.lastEnd = ended
	}
}

// announce says when the warm-up is over, unless the work ended before.
func (w *window) announce(work context.Context) error {
	select {
	case <-work.Done():
		if err := context.Cause(work); !errors.Is(err, context.Canceled) {
			return err
		}
		return errors.New("the work ended during the warm-up")
	case <-time.After(time.Until(w.start)):
		fmt.Println("measuring")
		return nil
	}
}

func (w *window) json() (string, error) {
	n := len(w.latencies)
	if n == 0 {
		return "", errors.New("no transaction began within the window")
	}
	slices.Sort(w.latencies)
	// By nearest rank.
	quantile := func(part float64) float64 {
		return w.latencies[int(math.Ceil(part*float64(n)))-1].Seconds() * 1e3
	}
	line, err := json.Marshal(struct {
		Transactions int     `json:"transactions"`
		Records      int     `json:"records"`
		Seconds      float64 `json:"seconds"`
		P50          float64 `json:"p50_ms"`
		P99          float64 `json:"p99_ms"`
		Max          float64 `json:"max_ms"`
	}{n, w.records, w.lastEnd.Sub(w.start).Seconds(), quantile(0.5), quantile(0.99), quantile(1)})
	return string(line), err
}
