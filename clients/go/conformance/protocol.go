package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"sidecommit.dev/go"
	"sidecommit.dev/go/sidecommitv1"
)

// command is a line of stdin; README.md of tests/conformance says what each op has.
type command struct {
	ID json.Number `json:"id"`
	Op string      `json:"op"`

	DeadlineMS int64    `json:"deadline_ms"`
	Records    []record `json:"records"`
	Attempts   int      `json:"attempts"`

	Generate  *generate `json:"generate"`
	Offsets   *offsets  `json:"offsets"`
	End       string    `json:"end"`
	Pause     bool      `json:"pause"`
	HoldMS    int64     `json:"hold_ms"`
	TimeoutMS int64     `json:"timeout_ms"`

	RequestID      string `json:"request_id"`
	TransactionID  string `json:"transaction_id"`
	Key            string `json:"key"`
	FirstAttemptMS int64  `json:"first_attempt_ms"`
	Wait           bool   `json:"wait"`

	GroupID         string   `json:"group_id"`
	Topics          []string `json:"topics"`
	Output          string   `json:"output"`
	MaxAttempts     int      `json:"max_attempts"`
	BackoffMS       int64    `json:"backoff_ms"`
	DeadLetterTopic string   `json:"dead_letter_topic"`
	Poison          []byte   `json:"poison"`
	Batch           bool     `json:"batch"`
	MaxRecords      int      `json:"max_records"`

	Traceparent string `json:"traceparent"`
}

// record has its bytes in base64, as encoding/json does.
type record struct {
	Topic       string   `json:"topic"`
	Partition   *int32   `json:"partition"`
	Key         []byte   `json:"key"`
	Value       []byte   `json:"value"`
	Headers     []header `json:"headers"`
	TimestampMS *int64   `json:"timestamp_ms"`
}

// header is ["name", bytes].
type header struct {
	name  string
	value []byte
}

func (h *header) UnmarshalJSON(data []byte) error {
	return json.Unmarshal(data, &[]any{&h.name, &h.value})
}

type generate struct {
	Topic string `json:"topic"`
	Count int    `json:"count"`
	Size  int    `json:"size"`
}

type offsets struct {
	GroupID string `json:"group_id"`
	Offsets []struct {
		Topic     string `json:"topic"`
		Partition int32  `json:"partition"`
		Offset    int64  `json:"offset"`
	} `json:"offsets"`
}

type fields map[string]any

// output writes whole lines.
type output struct{ mu sync.Mutex }

func (o *output) line(id json.Number, more fields) {
	more["id"] = id
	line, err := json.Marshal(more)
	if err != nil {
		panic(err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	os.Stdout.Write(append(line, '\n'))
}

// answer says how a command ended; more is what errors have as well.
func (o *output) answer(id json.Number, ok fields, err error, more fields) {
	if err == nil {
		o.line(id, fields{"ok": ok})
		return
	}
	e := described(err)
	for k, v := range more {
		e[k] = v
	}
	o.line(id, fields{"error": e})
}

// errApplication is what the application's own code ends by.
var errApplication = errors.New("the application's")

func described(err error) fields {
	out := fields{"kind": kind(err), "message": err.Error()}
	var e *sidecommit.Error
	if !errors.As(err, &e) {
		return out
	}
	out["in_doubt"] = e.InDoubt
	out["next_action"] = sidecommit.ActionName(e.NextAction)
	if e.Reason != 0 {
		out["reason"] = sidecommit.ReasonName(e.Reason)
	}
	if e.RecordIndex >= 0 {
		out["record_index"] = e.RecordIndex
	}
	if e.TransactionID != "" {
		out["transaction_id"] = e.TransactionID
	}
	return out
}

func kind(err error) string {
	switch {
	case errors.Is(err, errApplication):
		return "application"
	case errors.Is(err, sidecommit.ErrAborted):
		return "aborted"
	case errors.Is(err, sidecommit.ErrBadRequest):
		return "bad_request"
	case errors.Is(err, sidecommit.ErrNeedsHuman):
		return "needs_human"
	case errors.Is(err, sidecommit.ErrDeadlineExceeded):
		return "deadline_exceeded"
	}
	return "other"
}

func committed(c sidecommit.Committed) fields {
	return fields{"transaction_id": c.TransactionID, "ranges": ranges(c.Ranges)}
}

func ranges(in []sidecommit.Range) []fields {
	out := []fields{}
	for _, r := range in {
		out = append(out, fields{
			"topic": r.Topic, "partition": r.Partition,
			"first_offset": r.FirstOffset, "last_offset": r.LastOffset, "count": r.Count,
		})
	}
	return out
}

func stateName(s sidecommit.State) string {
	return strings.TrimPrefix(sidecommitv1.TransactionState(s).String(), "TRANSACTION_STATE_")
}

func (c *command) records() []sidecommit.Record {
	out := make([]sidecommit.Record, len(c.Records))
	for i, r := range c.Records {
		out[i] = sidecommit.Record{Topic: r.Topic, Partition: r.Partition, Key: r.Key, Value: r.Value}
		for _, h := range r.Headers {
			out[i].Headers = append(out[i].Headers, sidecommit.Header{Name: h.name, Value: h.value})
		}
		if r.TimestampMS != nil {
			out[i].Timestamp = time.UnixMilli(*r.TimestampMS)
		}
	}
	return out
}

// at is the i-th generated record.
func (g *generate) at(i int) sidecommit.Record {
	number := fmt.Sprint(i)
	value := number + strings.Repeat(".", max(0, g.Size-len(number)))
	return sidecommit.Record{Topic: g.Topic, Key: []byte(number), Value: []byte(value)}
}

func (o *offsets) group() sidecommit.GroupOffsets {
	out := sidecommit.GroupOffsets{Group: o.GroupID}
	for _, at := range o.Offsets {
		out.Offsets = append(out.Offsets, sidecommit.Offset{Topic: at.Topic, Partition: at.Partition, Offset: at.Offset})
	}
	return out
}
