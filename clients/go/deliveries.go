package sidecommit

import pb "sidecommit.dev/go/sidecommitv1"

// delivery is one that came and is not done with.
type delivery struct {
	*pb.Delivery
	// void: it is the application's no more; nothing is to be said about it.
	void    bool
	running bool
	// cancel ends its handler's context once it is running.
	cancel func()
}

type partition struct {
	topic  string
	number int32
}

func (d *delivery) partition() partition { return partition{d.GetTopic(), d.GetPartition()} }

// deliveries is the bookkeeping of a consumer: what came, what is worked on, and how much more is welcome. It does no I/O.
type deliveries struct {
	// limit of those that are worked on, which is also that of those that are here or asked for.
	limit int
	// credit that was given on this stream and is not used up.
	credit int
	held   map[string]*delivery
	// queue has those that wait for a free place, or for their partition; in order.
	queue []*delivery
	busy  map[partition]bool
	// retold are those that this stream, having resumed a session, tells again although they are, or were, here.
	retold  map[string]bool
	stopped bool
}

func newDeliveries(limit int) *deliveries {
	return &deliveries{limit: limit, held: map[string]*delivery{}, busy: map[partition]bool{}}
}

// opened notes a new stream, which has no credit. What was here is void, unless the session goes on.
func (d *deliveries) opened(resumed bool) {
	d.credit = 0
	d.retold = map[string]bool{}
	for id := range d.held {
		if resumed {
			d.retold[id] = true
		} else {
			d.revoke(id)
		}
	}
}

// take notes a delivery that came; false if it is to be given back at once.
func (d *deliveries) take(came *pb.Delivery) bool {
	id := came.GetDeliveryId()
	if d.retold[id] {
		return true
	}
	d.credit = max(0, d.credit-1)
	if d.stopped {
		return false
	}
	here := &delivery{Delivery: came}
	d.held[id] = here
	d.queue = append(d.queue, here)
	return true
}

// next is a delivery to be worked on now; nil: none. Of each partition it is one at a time, the older one first.
func (d *deliveries) next() *delivery {
	if len(d.busy) >= d.limit {
		return nil
	}
	for i, waiting := range d.queue {
		if !d.busy[waiting.partition()] {
			d.queue = append(d.queue[:i:i], d.queue[i+1:]...)
			d.busy[waiting.partition()] = true
			waiting.running = true
			return waiting
		}
	}
	return nil
}

// done notes the end of the work on a delivery.
func (d *deliveries) done(worked *delivery) {
	delete(d.busy, worked.partition())
	if d.held[worked.GetDeliveryId()] == worked {
		delete(d.held, worked.GetDeliveryId())
	}
}

// revoke makes a delivery void.
func (d *deliveries) revoke(id string) {
	gone := d.held[id]
	if gone == nil {
		return
	}
	gone.void = true
	delete(d.held, id)
	if gone.running {
		gone.cancel()
		return
	}
	for i, waiting := range d.queue {
		if waiting == gone {
			d.queue = append(d.queue[:i:i], d.queue[i+1:]...)
			return
		}
	}
}

// grant is how much credit to give now; it counts as given.
func (d *deliveries) grant() int {
	if d.stopped {
		return 0
	}
	more := max(0, d.limit-d.credit-len(d.held))
	d.credit += more
	return more
}

// stop asks for nothing more, and returns the ids of what is to be given back.
func (d *deliveries) stop() []string {
	d.stopped = true
	var back []string
	for _, waiting := range d.queue {
		back = append(back, waiting.GetDeliveryId())
		delete(d.held, waiting.GetDeliveryId())
	}
	d.queue = nil
	return back
}

// working tells whether some are worked on.
func (d *deliveries) working() bool { return len(d.busy) > 0 }
