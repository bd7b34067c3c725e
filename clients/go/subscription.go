package sidecommit

import (
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	pb "sidecommit.dev/go/sidecommitv1"
)

// Subscription says what [Client.Process] reads and how. Group and Topics (or TopicPattern) are needed; what else is zero has its
// default. docs/consuming.md has the bounds.
type Subscription struct {
	// Group is the group.id, 1 to 255 characters.
	Group string
	// Topics exist. Or TopicPattern, in librdkafka's syntax.
	Topics       []string
	TopicPattern string
	// GroupInstanceID makes a static member; derive it from the pod's name.
	GroupInstanceID string
	// ResetPolicy is where to begin without an offset: ResetEarliest by default.
	ResetPolicy pb.ResetPolicy
	// GroupProtocol is ProtocolCooperative by default.
	GroupProtocol pb.GroupProtocol

	// Concurrency is how many partitions are worked on at a time; 4.
	Concurrency int
	// MaxRecords of a delivery; 500. MaxBytes of a delivery; 1 MiB.
	MaxRecords int
	MaxBytes   int64
	// MaxMessageBytes is the largest record that is taken, with its overhead; 4 MiB.
	MaxMessageBytes int
	// DeliveryTimeout is how long a delivery may be worked on; the sidecar's limits.delivery_timeout.
	DeliveryTimeout time.Duration

	// MaxAttempts of a record that fails alone, in each topic; 3. Without a DeadLetterTopic it is attempted for ever in the last one.
	MaxAttempts int
	// Backoff is the pause before the second attempt, 100 ms; it doubles up to BackoffMax, 10 s.
	Backoff, BackoffMax time.Duration
	// RetryTopics are where records go then, in order.
	RetryTopics []RetryTopic
	// DeadLetterTopic is where records end that failed everywhere, and rejected ones.
	DeadLetterTopic string

	// NoSignals: SIGTERM and SIGINT are the application's; it ends Process by its context.
	NoSignals bool
}

// RetryTopic is a topic, of this group alone, whose records are attempted after the delay.
type RetryTopic struct {
	Topic string
	Delay time.Duration
}

// For [Subscription].
const (
	ResetEarliest = pb.ResetPolicy_RESET_POLICY_EARLIEST
	ResetLatest   = pb.ResetPolicy_RESET_POLICY_LATEST
	ResetNone     = pb.ResetPolicy_RESET_POLICY_NONE

	ProtocolCooperative = pb.GroupProtocol_GROUP_PROTOCOL_CLASSIC_COOPERATIVE
	ProtocolEager       = pb.GroupProtocol_GROUP_PROTOCOL_CLASSIC_EAGER
	// ProtocolConsumer is KIP-848: Kafka 4.0 and newer.
	ProtocolConsumer = pb.GroupProtocol_GROUP_PROTOCOL_CONSUMER
)

const defaultConcurrency = 4

func (s *Subscription) concurrency() int {
	if s.Concurrency > 0 {
		return s.Concurrency
	}
	return defaultConcurrency
}

func (s *Subscription) subscribe(sessionID string) *pb.Subscribe {
	return &pb.Subscribe{
		GroupId:         s.Group,
		Topics:          s.Topics,
		TopicPattern:    s.TopicPattern,
		GroupInstanceId: s.GroupInstanceID,
		Limits: &pb.DeliveryLimits{
			MaxRecords:       int32(s.MaxRecords),
			MaxDeliveryBytes: s.MaxBytes,
			MaxMessageBytes:  int64(s.MaxMessageBytes),
		},
		ResetPolicy:     s.ResetPolicy,
		GroupProtocol:   s.GroupProtocol,
		RetryPolicy:     s.retryPolicy(),
		DeliveryTimeout: duration(s.DeliveryTimeout),
		SessionId:       sessionID,
	}
}

func (s *Subscription) retryPolicy() *pb.RetryPolicy {
	policy := &pb.RetryPolicy{
		MaxAttempts:     int32(s.MaxAttempts),
		Backoff:         duration(s.Backoff),
		BackoffMax:      duration(s.BackoffMax),
		DeadLetterTopic: s.DeadLetterTopic,
	}
	for _, t := range s.RetryTopics {
		policy.RetryTopics = append(policy.RetryTopics, &pb.RetryTopic{Topic: t.Topic, Delay: duration(t.Delay)})
	}
	return policy
}

// duration is absent if it is not given.
func duration(d time.Duration) *durationpb.Duration {
	if d == 0 {
		return nil
	}
	return durationpb.New(d)
}
