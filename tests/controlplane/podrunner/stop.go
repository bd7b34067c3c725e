package podrunner

import (
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// stop ends the container's process if it has one, as the kubelet's killContainer: preStop at once, then its turn, then
// SIGTERM, then SIGKILL. order is nil for the end of one container alone.
func (c *container) stop(grace time.Duration, order *ordering, message string) {
	c.mu.Lock()
	process := c.process
	c.mu.Unlock()
	if process == nil || !process.running() {
		return
	}
	c.event(corev1.EventTypeNormal, "Killing", "%s", message)
	began := time.Now()
	if grace > 0 {
		if err := c.preStop(grace); err != nil {
			c.event(corev1.EventTypeWarning, "FailedPreStopHook", "PreStopHook failed: %v", err)
		}
		grace -= time.Since(began).Truncate(time.Second)
	}
	if order != nil && grace > 0 {
		turn := time.Now()
		order.wait(c.spec.Name, grace, c.pod.force)
		grace -= time.Since(turn).Truncate(time.Second) // the kubelet counts whole seconds
	}
	process.signal(syscall.SIGTERM)
	limit := time.NewTimer(max(grace, minimumGrace))
	defer limit.Stop()
	select {
	case <-process.done:
		return
	case <-limit.C:
	case <-c.pod.force:
	}
	process.signal(syscall.SIGKILL)
	<-process.done
}

// forbid prevents every further start.
func (c *container) forbid() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopped = true
}
