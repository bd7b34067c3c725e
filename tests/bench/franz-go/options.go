package main

import (
	"errors"
	"flag"
	"fmt"
	"strings"
	"time"
)

// options is the command line that all contenders of `make bench` have in common.
type options struct {
	servers    []string
	topic      string
	kind       string
	producers  int
	callers    int
	records    int
	recordSize int
	warmup     time.Duration
	window     time.Duration

	// A pipeline's: where it reads, and as which group.
	pipeline bool
	input    string
	group    string
}

const (
	transactional = "transactional"
	idempotent    = "idempotent"
	plain         = "plain"
)

func parse(args []string) (options, error) {
	var o options
	var servers string
	var warmup, seconds float64
	flags := flag.NewFlagSet("franz-go", flag.ContinueOnError)
	flags.StringVar(&servers, "bootstrap-servers", "", "where Kafka is")
	flags.StringVar(&o.topic, "topic", "", "where to write")
	flags.StringVar(&o.kind, "kind", transactional, "transactional, idempotent or plain")
	flags.IntVar(&o.producers, "producers", 1, "that the callers share")
	flags.IntVar(&o.callers, "callers", 1, "each makes one transaction after the other")
	flags.IntVar(&o.records, "records", 1, "per transaction")
	flags.IntVar(&o.recordSize, "record-size", 1000, "in bytes")
	flags.Float64Var(&warmup, "warmup", 2, "in seconds")
	flags.Float64Var(&seconds, "seconds", 5, "how long to measure")
	flags.BoolVar(&o.pipeline, "pipeline", false, "copy -input to -topic in upper case")
	flags.StringVar(&o.input, "input", "", "what a pipeline reads")
	flags.StringVar(&o.group, "group", "", "what a pipeline reads as")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	o.servers = strings.Split(servers, ",")
	o.warmup = time.Duration(warmup * float64(time.Second))
	o.window = time.Duration(seconds * float64(time.Second))
	switch {
	case servers == "" || o.topic == "":
		return o, errors.New("want -bootstrap-servers and -topic")
	case o.kind != transactional && o.kind != idempotent && o.kind != plain:
		return o, fmt.Errorf("no such kind: %s", o.kind)
	case o.producers < 1 || o.callers < o.producers || o.records < 1:
		return o, errors.New("want callers >= producers >= 1 and records >= 1")
	case o.pipeline && (o.input == "" || o.group == ""):
		return o, errors.New("a pipeline wants -input and -group")
	}
	return o, nil
}
