// Package sidecommitotel carries OpenTelemetry's traces through Kafka's headers, as W3C Trace Context:
//
//	client, err := sidecommit.Connect(ctx, sidecommitotel.Tracing())
package sidecommitotel

import (
	"context"

	"go.opentelemetry.io/otel/propagation"

	"sidecommit.dev/go"
)

// Tracing makes a client carry the caller's span context to the records it writes, and that of a record to its handler and to what that
// returns.
func Tracing() sidecommit.ConnectOption {
	return sidecommit.WithPropagator(propagator{})
}

type propagator struct{ w3c propagation.TraceContext }

func (p propagator) Inject(ctx context.Context, set func(name, value string)) {
	p.w3c.Inject(ctx, carrier{set: set})
}

func (p propagator) Extract(ctx context.Context, get func(name string) string) context.Context {
	return p.w3c.Extract(ctx, carrier{get: get})
}

// carrier is used for one direction at a time.
type carrier struct {
	set func(name, value string)
	get func(name string) string
}

func (c carrier) Set(name, value string) { c.set(name, value) }
func (c carrier) Get(name string) string { return c.get(name) }
func (c carrier) Keys() []string         { return propagation.TraceContext{}.Fields() }
