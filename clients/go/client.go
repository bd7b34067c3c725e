package sidecommit

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"google.golang.org/grpc"
	grpcbackoff "google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"

	pb "sidecommit.dev/go/sidecommitv1"
)

// Client talks to a sidecar. It connects anew by itself; calls that are made while the sidecar is away wait for it.
type Client struct {
	connection   *grpc.ClientConn
	transactions pb.TransactionServiceClient
	consumer     pb.ConsumeServiceClient
	deadline     time.Duration
	logger       *slog.Logger
	propagator   Propagator
	heart        *heart
	// base ends with the client.
	base context.Context
	end  context.CancelFunc
}

// ServerInfo is what a sidecar is.
type ServerInfo = pb.GetServerInfoResponse

// Connect returns a client as soon as a sidecar answers, serving or not; see [Client.WaitReady]. It is the caller's to close.
func Connect(ctx context.Context, options ...ConnectOption) (*Client, error) {
	o := connectOptions{deadline: defaultDeadline, logger: slog.Default()}
	for _, option := range options {
		option.connect(&o)
	}
	target, err := target(address(o.address))
	if err != nil {
		return nil, err
	}
	connection, err := grpc.NewClient(target, append(dialOptions(), o.dial...)...)
	if err != nil {
		return nil, fmt.Errorf("sidecommit: %w", err)
	}
	c := &Client{
		connection:   connection,
		transactions: pb.NewTransactionServiceClient(connection),
		consumer:     pb.NewConsumeServiceClient(connection),
		deadline:     o.deadline,
		logger:       o.logger,
		propagator:   o.propagator,
	}
	c.base, c.end = context.WithCancel(context.Background())
	c.heart = newHeart(c)
	info, err := c.ServerInfo(ctx)
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	c.heart.set(info.GetLimits().GetIdleTimeout().AsDuration() / 3)
	go c.heart.watch()
	return c, nil
}

func dialOptions() []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithAuthority("localhost"),
		// A sidecar is on this side of any proxy.
		grpc.WithNoProxy(),
		grpc.WithDefaultCallOptions(grpc.WaitForReady(true)),
		// A restart of the sidecar takes moments; by default the next attempt comes after a second, and up to two minutes later.
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           grpcbackoff.Config{BaseDelay: firstPause, Multiplier: 1.6, Jitter: 0.2, MaxDelay: time.Second},
			MinConnectTimeout: 5 * time.Second,
		}),
	}
}

// Close ends the connection, and every call that is not answered yet. Transactions that are open are aborted by the sidecar when they are
// idle for too long.
func (c *Client) Close() error {
	c.end()
	return c.connection.Close()
}

// ServerInfo asks what the sidecar is, its limits and its state. It is answered in every state.
func (c *Client) ServerInfo(ctx context.Context) (*ServerInfo, error) {
	return repeat(ctx, c, rpcServerInfo, func(ctx context.Context) (*ServerInfo, error) {
		return c.transactions.GetServerInfo(ctx, &pb.GetServerInfoRequest{})
	})
}

// WaitReady returns when the sidecar serves.
func (c *Client) WaitReady(ctx context.Context) error {
	ctx, cancel := c.bounded(ctx)
	defer cancel()
	for {
		info, err := c.ServerInfo(ctx)
		if err != nil {
			return err
		}
		if info.GetState() == pb.ServingState_SERVING_STATE_READY {
			return nil
		}
		if err := sleep(ctx, 2*firstPause); err != nil {
			late := outOfTime(rpcServerInfo, err, nil)
			late.Message = "the sidecar is " + info.GetState().String()
			return late
		}
	}
}

// uuid is a random one.
func uuid() string {
	var b [16]byte
	// It never fails.
	rand.Read(b[:])
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
