package sidecommit

import "sync"

const (
	// A message takes so many records or bytes.
	messageRecords = 500
	messageBytes   = 256 << 10
	// So much may be unacknowledged.
	windowRecords = 5000
	windowBytes   = 4 << 20
)

// outbox numbers the records of a transaction, puts them into messages, and keeps these until they are acknowledged. It does no I/O.
type outbox struct {
	// next is the sequence of the next record; all before acked are acknowledged.
	next, acked int64
	// queue has the messages that are not acknowledged, in order; the last one may be open still.
	queue []message
	open  bool
	// sent of the queue went out on the stream that there is.
	sent  int
	bytes int
}

// message is the records [first, next) encoded.
type message struct {
	first, next int64
	data        []byte
	sends       int
}

// buffers of full messages, for the next ones.
var buffers = sync.Pool{New: func() any { return new([messageBytes]byte) }}

// full tells whether the window is: then nothing is to be added.
func (o *outbox) full() bool {
	return o.next-o.acked >= windowRecords || o.bytes >= windowBytes
}

// add puts a record behind the others.
func (o *outbox) add(r *Record) {
	size := recordSize(r)
	if o.open && len(o.queue[len(o.queue)-1].data)+size > messageBytes {
		o.open = false
	}
	if !o.open {
		o.queue = append(o.queue, message{first: o.next, next: o.next, data: o.buffer(size)})
		o.open = true
	}
	last := &o.queue[len(o.queue)-1]
	before := len(last.data)
	last.data = appendRecord(last.data, r)
	o.bytes += len(last.data) - before
	o.next++
	last.next = o.next
	if last.next-last.first >= messageRecords || len(last.data) >= messageBytes {
		o.open = false
	}
}

// buffer is small for what may be the only record, and large once there were many.
func (o *outbox) buffer(size int) []byte {
	if o.next == 0 || size > messageBytes {
		return make([]byte, 0, size)
	}
	return buffers.Get().(*[messageBytes]byte)[:0]
}

// seal ends the message that collects records, so that it can go out.
func (o *outbox) seal() { o.open = false }

// ready tells whether take has a message.
func (o *outbox) ready() bool {
	n := len(o.queue)
	if o.open {
		n--
	}
	return o.sent < n
}

// take returns the next message to be sent. Its data stay as they are until it is acknowledged.
func (o *outbox) take() (first int64, data []byte) {
	m := &o.queue[o.sent]
	o.sent++
	m.sends++
	return m.first, m.data
}

// ack notes that all records before the sequence are accepted.
func (o *outbox) ack(sequence int64) {
	o.acked = max(o.acked, min(sequence, o.next))
	done := 0
	for done < len(o.queue) && o.queue[done].next <= o.acked {
		m := &o.queue[done]
		o.bytes -= len(m.data)
		// What was sent twice may be read still by the stream that broke.
		if cap(m.data) == messageBytes && m.sends == 1 {
			buffers.Put((*[messageBytes]byte)(m.data[:messageBytes]))
		}
		m.data = nil
		done++
	}
	o.queue = o.queue[done:]
	o.sent = max(0, o.sent-done)
	if len(o.queue) == 0 {
		o.open = false
	}
}

// rewind has everything sent again that is not acknowledged. A sequence of 0 or more is where the sidecar wants it from: false if
// that is not there any more.
func (o *outbox) rewind(sequence int64) bool {
	o.sent = 0
	if sequence < 0 {
		return true
	}
	if sequence < o.acked {
		return false
	}
	o.ack(sequence)
	return true
}

// settled tells whether all records are acknowledged.
func (o *outbox) settled() bool { return o.acked == o.next }
