package sidecommit

import (
	"context"
	"slices"
)

// Propagator carries traces, e.g. as W3C's traceparent and tracestate. The client puts the caller's trace into its calls' metadata, from
// where the sidecar puts it into the headers of records that have none. [Client.Process] makes a record's trace that of its handler, and of
// what that returns unless it has one of its own; [Client.ProcessBatch] does not, for a batch has many.
type Propagator interface {
	// Inject says each field of the context's trace.
	Inject(ctx context.Context, set func(name, value string))
	// Extract returns a context with the trace whose fields get has; get says "" for what is not there.
	Extract(ctx context.Context, get func(name string) string) context.Context
}

// extracted returns a context with the trace of a record's headers.
func (c *Client) extracted(ctx context.Context, headers []Header) context.Context {
	if c.propagator == nil {
		return ctx
	}
	return c.propagator.Extract(ctx, func(name string) string {
		for _, h := range headers {
			if h.Name == name {
				return string(h.Value)
			}
		}
		return ""
	})
}

// trace returns the trace of a record's headers, and of nothing else, as headers.
func (c *Client) trace(headers []Header) []Header {
	if c.propagator == nil {
		return nil
	}
	var trace []Header
	c.propagator.Inject(c.extracted(context.Background(), headers), func(name, value string) {
		trace = append(trace, Header{Name: name, Value: []byte(value)})
	})
	return trace
}

// following returns a record that goes on with a trace, unless it has one of its own.
func following(r Record, trace []Header) Record {
	own := func(h Header) bool {
		return slices.ContainsFunc(trace, func(field Header) bool { return field.Name == h.Name })
	}
	if !slices.ContainsFunc(r.Headers, own) {
		// The handler may have kept its slice.
		r.Headers = append(slices.Clip(r.Headers), trace...)
	}
	return r
}
