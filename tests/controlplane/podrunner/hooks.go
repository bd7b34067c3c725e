package podrunner

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// postStart runs beside the container's command; until it is through the container does not count as running, and the
// ones after it are not started.
func (c *container) postStart(ctx context.Context) error {
	if c.spec.Lifecycle == nil || c.spec.Lifecycle.PostStart == nil {
		return nil
	}
	return c.hook(ctx, c.spec.Lifecycle.PostStart)
}

// preStop has the pod's grace period, of which the rest is left for SIGTERM.
func (c *container) preStop(grace time.Duration) error {
	if c.spec.Lifecycle == nil || c.spec.Lifecycle.PreStop == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	go func() {
		select {
		case <-c.pod.force:
			cancel()
		case <-ctx.Done():
		}
	}()
	return c.hook(ctx, c.spec.Lifecycle.PreStop)
}

func (c *container) hook(ctx context.Context, h *corev1.LifecycleHandler) error {
	switch {
	case h.Exec != nil:
		code, output, err := c.exec(ctx, h.Exec.Command)
		if err != nil {
			return err
		}
		if code != 0 {
			return fmt.Errorf("command %q exited with %d: %s", h.Exec.Command, code, output)
		}
		return nil
	case h.Sleep != nil:
		select {
		case <-time.After(time.Duration(h.Sleep.Seconds) * time.Second):
		case <-ctx.Done():
		}
		return nil
	case h.HTTPGet != nil:
		_, _, err := c.get(ctx, h.HTTPGet)
		return err
	}
	return fmt.Errorf("this kind of hook is not known to podrunner")
}
