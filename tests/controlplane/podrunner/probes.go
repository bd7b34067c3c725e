package podrunner

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// probeClient is the kubelet's: it does not check certificates, and does not keep connections.
var probeClient = &http.Client{Transport: &http.Transport{
	TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true, //nolint:gosec // as the kubelet
}}

// probes begins the container's probes for one of its lives. alive ends with the container's process, pod when the pod
// stops: startup and liveness end with the pod's life, readiness goes on to the process's end.
func (c *container) probes(alive, pod context.Context, began time.Time, started <-chan struct{}, isStarted func()) {
	life, cancel := context.WithCancel(alive)
	context.AfterFunc(pod, cancel)
	kill := func(kind string) {
		cancel()
		message := fmt.Sprintf("Container %s failed %s probe, will be restarted", c.spec.Name, strings.ToLower(kind))
		go c.stop(c.graceOfProbe(kind), nil, message)
	}
	if p := c.spec.StartupProbe; p != nil {
		go c.probe(life, "Startup", p, began, nil, func(ok bool) bool {
			if ok {
				isStarted()
			} else {
				kill("Startup")
			}
			return false
		})
	}
	if p := c.spec.LivenessProbe; p != nil {
		go c.probe(life, "Liveness", p, began, started, func(ok bool) bool {
			if !ok {
				kill("Liveness")
			}
			return ok
		})
	}
	if p := c.spec.ReadinessProbe; p != nil {
		go c.probe(alive, "Readiness", p, began, started, func(ok bool) bool {
			c.update(func(s *corev1.ContainerStatus) { s.Ready = ok && s.State.Running != nil })
			return true
		})
	}
}

func (c *container) graceOfProbe(kind string) time.Duration {
	probe := c.spec.LivenessProbe
	if kind == "Startup" {
		probe = c.spec.StartupProbe
	}
	if probe.TerminationGracePeriodSeconds != nil {
		return time.Duration(*probe.TerminationGracePeriodSeconds) * time.Second
	}
	return c.pod.graceOfSpec()
}

// probe asks again and again, and says result when the last answers in a row reach a threshold; it ends when result says so.
func (c *container) probe(ctx context.Context, kind string, p *corev1.Probe, began time.Time, after <-chan struct{}, result func(bool) bool) {
	if after != nil {
		select {
		case <-after:
		case <-ctx.Done():
			return
		}
	}
	wait := time.Until(began.Add(time.Duration(p.InitialDelaySeconds) * time.Second))
	last, row := false, int32(0)
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		wait = time.Duration(max(p.PeriodSeconds, 1)) * time.Second
		asked := time.Now()
		ok, output, err := c.ask(ctx, p)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			c.event(corev1.EventTypeWarning, "Unhealthy", "%s probe errored: %v", kind, err)
			continue
		}
		if !ok {
			c.event(corev1.EventTypeWarning, "Unhealthy", "%s probe failed: %s", kind, output)
		}
		if ok != last {
			last, row = ok, 0
		}
		row++
		if ok && row >= p.SuccessThreshold || !ok && row >= p.FailureThreshold {
			if !result(ok) {
				return
			}
		}
		wait = max(wait-time.Since(asked), 0) // a period is from probe to probe, as of a ticker
	}
}

// ask is one probe. An error is one of ours, and counts as no answer.
func (c *container) ask(ctx context.Context, p *corev1.Probe) (ok bool, output string, err error) {
	timeout := time.Duration(max(p.TimeoutSeconds, 1)) * time.Second
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	switch {
	case p.Exec != nil:
		code, output, err := c.exec(ctx, p.Exec.Command)
		if errors.Is(err, context.DeadlineExceeded) {
			return false, fmt.Sprintf("command timed out: %q timed out after %v", strings.Join(p.Exec.Command, " "), timeout), nil
		}
		return code == 0, output, err
	case p.HTTPGet != nil:
		status, _, err := c.get(ctx, p.HTTPGet)
		if err != nil {
			return false, err.Error(), nil
		}
		return status >= 200 && status < 400, fmt.Sprintf("HTTP probe failed with statuscode: %d", status), nil
	case p.TCPSocket != nil:
		if err := c.dial(ctx, p.TCPSocket); err != nil {
			return false, err.Error(), nil
		}
		return true, "", nil
	}
	return false, "", errors.New("this kind of probe is not known to podrunner")
}
