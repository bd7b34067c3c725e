package sidecommit

import "context"

// Propagator carries traces, e.g. as W3C's traceparent and tracestate. The client puts the caller's trace into its calls' metadata, from
// where the sidecar puts it into the headers of records that have none. [Client.Process] makes a record's trace that of its handler; what that
// returns has the headers that it gives it.
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
