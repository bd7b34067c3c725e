package sidecommit

import (
	"context"
	"log/slog"
	"time"

	"google.golang.org/grpc"
)

const (
	defaultDeadline = 60 * time.Second
	defaultAttempts = 5
)

// ConnectOption is an option of [Connect].
type ConnectOption interface{ connect(*connectOptions) }

// BeginOption is an option of [Client.Begin].
type BeginOption interface {
	RunOption
	begin(*callOptions)
}

// RunOption is an option of [Client.Run].
type RunOption interface{ run(*callOptions) }

// TransactOption is an option of [Client.Transact].
type TransactOption interface{ transact(*callOptions) }

type connectOptions struct {
	address    string
	deadline   time.Duration
	logger     *slog.Logger
	propagator Propagator
	dial       []grpc.DialOption
}

type callOptions struct {
	requestID    string
	label        string
	orderingKey  string
	timeout      time.Duration
	deadline     time.Duration
	attempts     int
	onRetry      func(ctx context.Context, attempt int, err error) error
	firstAttempt time.Time
	deliveryIDs  []string
	offsets      []GroupOffsets
}

type connectOption func(*connectOptions)

func (f connectOption) connect(o *connectOptions) { f(o) }

// WithAddress is where the sidecar is: unix:///path, unix:/path or host:port. Without: $SIDECOMMIT_ADDRESS, else
// unix:///run/sidecommit/api.sock.
func WithAddress(address string) ConnectOption {
	return connectOption(func(o *connectOptions) { o.address = address })
}

// WithLogger is where [Client.Process] tells of failed records and streams that broke. Without: slog's default.
func WithLogger(logger *slog.Logger) ConnectOption {
	return connectOption(func(o *connectOptions) { o.logger = logger })
}

// WithDialOptions adds options of gRPC, e.g. interceptors or a stats handler.
func WithDialOptions(options ...grpc.DialOption) ConnectOption {
	return connectOption(func(o *connectOptions) { o.dial = append(o.dial, options...) })
}

// WithPropagator carries traces to and from records; sidecommitotel has OpenTelemetry's.
func WithPropagator(p Propagator) ConnectOption {
	return connectOption(func(o *connectOptions) { o.propagator = p })
}

// DeadlineOption is what [WithDeadline] returns: an option of everything.
type DeadlineOption time.Duration

// WithDeadline is how long a call is repeated until there is an outcome, if its context has no deadline of its own: of a client, 60 s
// if not given and none if 0, or of the calls of one transaction.
func WithDeadline(d time.Duration) DeadlineOption { return DeadlineOption(d) }

func (d DeadlineOption) connect(o *connectOptions) { o.deadline = time.Duration(d) }
func (d DeadlineOption) begin(o *callOptions)      { o.deadline = time.Duration(d) }
func (d DeadlineOption) run(o *callOptions)        { o.deadline = time.Duration(d) }
func (d DeadlineOption) transact(o *callOptions)   { o.deadline = time.Duration(d) }

type scopeOption func(*callOptions)

func (f scopeOption) begin(o *callOptions) { f(o) }
func (f scopeOption) run(o *callOptions)   { f(o) }

// WithRequestID names the transaction, 1 to 128 characters; without: a random UUID.
func WithRequestID(id string) BeginOption {
	return scopeOption(func(o *callOptions) { o.requestID = id })
}

// WithLabel is for people who look at open transactions; at most 128 characters.
func WithLabel(label string) BeginOption {
	return scopeOption(func(o *callOptions) { o.label = label })
}

// TransactionOption is an option of all that makes transactions.
type TransactionOption func(*callOptions)

func (f TransactionOption) begin(o *callOptions)    { f(o) }
func (f TransactionOption) run(o *callOptions)      { f(o) }
func (f TransactionOption) transact(o *callOptions) { f(o) }

// WithTimeout is how long the transaction may take until it is committed; without: the sidecar's default.
func WithTimeout(d time.Duration) TransactionOption {
	return func(o *callOptions) { o.timeout = d }
}

// WithOrderingKey keeps transactions with the same key from overlapping in Kafka, and in the order of their commits.
func WithOrderingKey(key string) TransactionOption {
	return func(o *callOptions) { o.orderingKey = key }
}

// RepeatOption is an option of what begins again: [Client.Run] and [Client.Transact].
type RepeatOption func(*callOptions)

func (f RepeatOption) run(o *callOptions)      { f(o) }
func (f RepeatOption) transact(o *callOptions) { f(o) }

// WithAttempts is how often it is tried in all while that ends with [ErrAborted]; without: 5 times.
func WithAttempts(n int) RepeatOption {
	return func(o *callOptions) { o.attempts = n }
}

// WithRetryHook is told, before it is begun again, which attempt failed, from 1 on, and how. An error that it returns ends the repeats
// and is returned in their place.
func WithRetryHook(hook func(ctx context.Context, attempt int, err error) error) RepeatOption {
	return func(o *callOptions) { o.onRetry = hook }
}

type transactOption func(*callOptions)

func (f transactOption) transact(o *callOptions) { f(o) }

// WithFirstAttemptTime is when the key was first tried, for an application that repeats it after its own restart. It has to have
// kept that time with the key.
func WithFirstAttemptTime(t time.Time) TransactOption {
	return transactOption(func(o *callOptions) { o.firstAttempt = t })
}

// WithDeliveries settles deliveries of a Consume stream with the transaction.
func WithDeliveries(ids ...string) TransactOption {
	return transactOption(func(o *callOptions) { o.deliveryIDs = append(o.deliveryIDs, ids...) })
}

// WithGroupOffsets commits offsets of the application's own consumer with the transaction.
func WithGroupOffsets(offsets ...GroupOffsets) TransactOption {
	return transactOption(func(o *callOptions) { o.offsets = append(o.offsets, offsets...) })
}
