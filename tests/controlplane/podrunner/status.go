package podrunner

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// report writes the pod's status whenever it has changed, until stop; then once more.
func (p *pod) report(ctx context.Context, stop <-chan struct{}) {
	for {
		select {
		case <-p.dirty:
			p.write(ctx)
		case <-stop:
			p.write(ctx)
			return
		case <-ctx.Done():
			return
		}
	}
}

// write brings the API's status to ours, whatever it takes: a status that is lost would hang a rollout.
func (p *pod) write(ctx context.Context) {
	for ctx.Err() == nil {
		p.runner.untilThawed(ctx, p.spec.NodeName)
		select {
		case <-p.gone:
			return
		default:
		}
		err := p.writeOnce(ctx)
		switch {
		case err == nil, apierrors.IsNotFound(err):
			return
		case apierrors.IsConflict(err):
			if err = p.reread(ctx); err == nil {
				continue
			}
		}
		if ctx.Err() != nil || apierrors.IsNotFound(err) {
			return
		}
		p.log("status: %v", err)
		select {
		case <-ctx.Done():
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func (p *pod) writeOnce(ctx context.Context) error {
	p.mu.Lock()
	next := p.api.DeepCopy()
	p.mu.Unlock()
	p.fill(next)
	p.mu.Lock()
	same := equality.Semantic.DeepEqual(p.api.Status, next.Status)
	p.mu.Unlock()
	if same {
		return nil
	}
	written, err := p.runner.client.CoreV1().Pods(p.namespace).UpdateStatus(ctx, next, metav1.UpdateOptions{})
	if err == nil && written.UID == p.uid {
		p.mu.Lock()
		p.api = written
		p.mu.Unlock()
	}
	return err
}

func (p *pod) reread(ctx context.Context) error {
	api, err := p.runner.client.CoreV1().Pods(p.namespace).Get(ctx, p.name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	if api.UID != p.uid {
		p.vanished()
		return nil
	}
	p.observe(api)
	return nil
}

// fill writes into the API's pod what we know, and leaves what is others'.
func (p *pod) fill(api *corev1.Pod) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := &api.Status
	s.ObservedGeneration = api.Generation
	s.StartTime = &p.began
	s.HostIP, s.HostIPs = nodeAddress, []corev1.HostIP{{IP: nodeAddress}}
	if p.sandbox {
		s.PodIP, s.PodIPs = p.ip, []corev1.PodIP{{IP: p.ip}}
	}
	s.InitContainerStatuses, s.ContainerStatuses = nil, nil
	initialized, ready := true, true
	for _, c := range p.inits {
		initialized = initialized && c.initialized()
		ready = ready && (c.role == initializer || c.status.Ready)
		s.InitContainerStatuses = append(s.InitContainerStatuses, *c.status.DeepCopy())
	}
	ran := false
	for _, c := range p.apps {
		ready = ready && c.status.Ready
		ran = ran || c.status.State.Waiting == nil || c.status.LastTerminationState.Terminated != nil
		s.ContainerStatuses = append(s.ContainerStatuses, *c.status.DeepCopy())
	}
	switch {
	case p.finished:
		s.Phase = p.phase
	case initialized && ran:
		s.Phase = corev1.PodRunning
	default:
		s.Phase = corev1.PodPending
	}
	p.conditions(api, initialized, ready && initialized && s.Phase == corev1.PodRunning)
}

// initialized: it no longer holds up the ones after it.
func (c *container) initialized() bool {
	if c.role == sidecar {
		select {
		case <-c.started:
			return true
		default:
			return false
		}
	}
	t := c.status.State.Terminated
	return t != nil && t.ExitCode == 0
}

func (p *pod) conditions(api *corev1.Pod, initialized, ready bool) {
	gates := ready
	for _, gate := range api.Spec.ReadinessGates {
		open := false
		for _, c := range api.Status.Conditions {
			open = open || c.Type == gate.ConditionType && c.Status == corev1.ConditionTrue
		}
		gates = gates && open
	}
	notReady := "ContainersNotReady"
	switch api.Status.Phase {
	case corev1.PodSucceeded:
		notReady = "PodCompleted"
	case corev1.PodFailed:
		notReady = "PodFailed"
	}
	setCondition(api, corev1.PodReadyToStartContainers, p.sandbox && !p.finished, "")
	setCondition(api, corev1.PodInitialized, initialized, "ContainersNotInitialized")
	setCondition(api, corev1.PodReady, gates, notReady)
	setCondition(api, corev1.ContainersReady, ready, notReady)
	setCondition(api, corev1.PodScheduled, true, "")
}

func setCondition(api *corev1.Pod, kind corev1.PodConditionType, yes bool, reason string) {
	next := corev1.PodCondition{Type: kind, Status: corev1.ConditionTrue, ObservedGeneration: api.Generation, LastTransitionTime: seconds(time.Now())}
	if !yes {
		next.Status, next.Reason = corev1.ConditionFalse, reason
	}
	for i, c := range api.Status.Conditions {
		if c.Type == kind {
			if c.Status == next.Status {
				next.LastTransitionTime = c.LastTransitionTime
			}
			api.Status.Conditions[i] = next
			return
		}
	}
	api.Status.Conditions = append(api.Status.Conditions, next)
}

// remove ends the pod's existence in the API, as only its node may.
func (p *pod) remove(ctx context.Context) {
	zero := int64(0)
	for ctx.Err() == nil {
		p.runner.untilThawed(ctx, p.spec.NodeName)
		err := p.runner.client.CoreV1().Pods(p.namespace).Delete(ctx, p.name,
			metav1.DeleteOptions{GracePeriodSeconds: &zero, Preconditions: &metav1.Preconditions{UID: &p.uid}})
		if err == nil || apierrors.IsNotFound(err) || apierrors.IsConflict(err) { // a conflict: the name is another's already
			return
		}
		p.log("remove: %v", err)
		select {
		case <-ctx.Done():
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// seconds is a time as the API keeps it, so that what we wrote and what we would write compare.
func seconds(t time.Time) metav1.Time { return metav1.NewTime(t.Truncate(time.Second)) }
