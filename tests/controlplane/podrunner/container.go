package podrunner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"

	"controlplane/containerinit"
)

type role int

const (
	app role = iota
	initializer
	sidecar // an init container with restartPolicy Always
)

// container is one of a pod's through all its restarts.
type container struct {
	pod  *pod
	role role
	spec *corev1.Container
	dir  string

	mu      sync.Mutex // held while a process starts, so that who stops the pod sees it or prevents it
	process *process
	running *containerinit.Spec // what the process was made from
	stopped bool

	status corev1.ContainerStatus // under the pod's lock

	tried    chan struct{} // closed when the first start has succeeded or failed, with its postStart
	wasTried sync.Once
	started  chan struct{} // closed when it has started for the first time: running, and past its startupProbe
	done     chan struct{} // closed when it has ended for good; status has how
}

func newContainer(p *pod, c *corev1.Container, r role) *container {
	no := false
	return &container{pod: p, role: r, spec: c, dir: filepath.Join(p.dir, c.Name),
		status: corev1.ContainerStatus{Name: c.Name, Image: c.Image, Started: &no,
			State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "PodInitializing"}}},
		tried: make(chan struct{}), started: make(chan struct{}), done: make(chan struct{})}
}

// errWaiting is why a container cannot be made at all; it is tried again.
type errWaiting struct{ reason, message string }

func (e errWaiting) Error() string { return e.reason + ": " + e.message }

// supervise runs the container until it has ended for good or the pod stops.
func (c *container) supervise(ctx context.Context) {
	defer close(c.done)
	wait := time.Duration(0)
	for ctx.Err() == nil {
		began := time.Now()
		err := c.runOnce(ctx)
		var impossible errWaiting
		if errors.As(err, &impossible) {
			c.wait(ctx, impossible.reason, impossible.message, c.pod.runner.backoff)
			if impossible.reason == "ErrImagePull" {
				c.wait(ctx, "ImagePullBackOff", "Back-off pulling image \""+c.spec.Image+"\"", c.pod.runner.backoff)
			}
			continue
		}
		if ctx.Err() != nil || !c.restarts() {
			return
		}
		if time.Since(began) > 10*time.Minute {
			wait = 0 // as the kubelet forgets
		}
		if wait > 0 { // the first restart is at once
			message := fmt.Sprintf("back-off %v restarting failed container=%s pod=%s_%s(%s)", wait, c.spec.Name, c.pod.name, c.pod.namespace, c.pod.uid)
			c.event(corev1.EventTypeWarning, "BackOff", "Back-off restarting failed container %s in pod %s_%s(%s)", c.spec.Name, c.pod.name, c.pod.namespace, c.pod.uid)
			c.wait(ctx, "CrashLoopBackOff", message, wait)
		}
		wait = min(max(2*wait, c.pod.runner.backoff), 5*time.Minute)
		c.update(func(s *corev1.ContainerStatus) { s.RestartCount++ })
	}
}

// restarts is asked after an end.
func (c *container) restarts() bool {
	if c.role == sidecar {
		return true
	}
	policy := c.pod.spec.RestartPolicy
	if policy == corev1.RestartPolicyNever || c.exitCode() == 0 && (c.role == initializer || policy == corev1.RestartPolicyOnFailure) {
		return false
	}
	return true
}

// exitCode of who has ended.
func (c *container) exitCode() int32 {
	c.pod.mu.Lock()
	defer c.pod.mu.Unlock()
	if t := c.status.State.Terminated; t != nil {
		return t.ExitCode
	}
	return -1
}

func (c *container) wait(ctx context.Context, reason, message string, d time.Duration) {
	c.update(func(s *corev1.ContainerStatus) {
		if s.State.Terminated != nil {
			s.LastTerminationState = s.State
		}
		s.State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}
	})
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// runOnce is one life of the container. An error means that there was none.
func (c *container) runOnce(ctx context.Context) error {
	defer c.wasTried.Do(func() { close(c.tried) })
	process, err := c.launch(ctx)
	var refused errStart
	switch {
	case errors.As(err, &refused):
		c.event(corev1.EventTypeWarning, "Failed", "Error: failed to start container %q: %v", c.spec.Name, refused)
		c.ended(time.Now(), 128, "StartError", refused.text)
		return nil
	case err != nil:
		c.event(corev1.EventTypeWarning, "Failed", "Error: %v", err)
		return err
	case process == nil:
		return nil // the pod stops
	}
	began := time.Now()
	c.event(corev1.EventTypeNormal, "Started", "Started container %s", c.spec.Name)
	if err := c.postStart(ctx); err != nil && ctx.Err() == nil {
		c.event(corev1.EventTypeWarning, "FailedPostStartHook", "PostStartHook failed: %v", err)
		c.stop(c.pod.graceOfSpec(), nil, "FailedPostStartHook")
	} else {
		alive, cancel := context.WithCancel(context.Background())
		c.runs(alive, ctx, began)
		c.wasTried.Do(func() { close(c.tried) })
		<-process.done
		cancel()
	}
	<-process.done
	reason := "Error"
	if process.code == 0 {
		reason = "Completed"
	}
	c.ended(began, int32(process.code), reason, "")
	return nil
}

// runs says that the container runs, and begins its probes.
func (c *container) runs(alive, pod context.Context, began time.Time) {
	started := make(chan struct{})
	isStarted := sync.OnceFunc(func() {
		c.update(func(s *corev1.ContainerStatus) {
			yes := true
			s.Started, s.Ready = &yes, c.spec.ReadinessProbe == nil
		})
		close(started)
		select {
		case <-c.started:
		default:
			close(c.started)
		}
	})
	c.update(func(s *corev1.ContainerStatus) {
		if s.State.Terminated != nil {
			s.LastTerminationState = s.State
		}
		s.State = corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: seconds(began)}}
		s.ContainerID = fmt.Sprintf("podrunner://%s-%s-%d", c.pod.uid, c.spec.Name, s.RestartCount)
		s.ImageID = c.pod.runner.images[c.spec.Image]
	})
	if c.role == initializer {
		return // has no probes and is never ready while it runs
	}
	if c.spec.StartupProbe == nil {
		isStarted()
	}
	c.probes(alive, pod, began, started, isStarted)
}

func (c *container) ended(began time.Time, code int32, reason, message string) {
	if err := os.Remove(filepath.Join(c.dir, "pid")); err != nil && !os.IsNotExist(err) {
		c.pod.log("%v", err)
	}
	c.update(func(s *corev1.ContainerStatus) {
		no := false
		if s.State.Terminated != nil {
			s.LastTerminationState = s.State
		}
		s.Started, s.Ready = &no, c.role == initializer && code == 0
		s.State = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Reason: reason, Message: message,
			StartedAt: seconds(began), FinishedAt: seconds(time.Now()), ContainerID: s.ContainerID}}
	})
}

func (c *container) restartCount() int32 {
	c.pod.mu.Lock()
	defer c.pod.mu.Unlock()
	return c.status.RestartCount
}

func (c *container) update(change func(*corev1.ContainerStatus)) {
	c.pod.mu.Lock()
	change(&c.status)
	c.pod.mu.Unlock()
	c.pod.changed()
}

func (c *container) event(kind, reason, format string, args ...any) {
	c.pod.event(c.spec.Name, kind, reason, format, args...)
}
