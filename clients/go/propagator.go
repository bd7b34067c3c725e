package sidecommit

import "context"

// Propagator carries traces, e.g. as W3C's traceparent and tracestate. The client puts the caller's trace into its calls' metadata, from
// where the sidecar puts it into the headers of records that have none; [Client.Process] makes a record's trace that of its handler.
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

// stamp puts the context's trace into the headers of records that have none.
func (c *Client) stamp(ctx context.Context, records []Record) {
	if c.propagator == nil {
		return
	}
	c.propagator.Inject(ctx, func(name, value string) {
		for i := range records {
			if !hasHeader(&records[i], name) {
				headers := records[i].Headers
				// The handler's slice may be shared.
				records[i].Headers = append(headers[:len(headers):len(headers)], Header{Name: name, Value: []byte(value)})
			}
		}
	})
}

func hasHeader(r *Record, name string) bool {
	for _, h := range r.Headers {
		if h.Name == name {
			return true
		}
	}
	return false
}
