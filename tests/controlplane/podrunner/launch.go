package podrunner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"k8s.io/kubernetes/third_party/forked/golang/expansion"

	"controlplane/containerinit"
)

// launch starts the process, or nothing when the pod stops.
func (c *container) launch(ctx context.Context) (*process, error) {
	image, known := c.pod.runner.images[c.spec.Image]
	if !known {
		return nil, errWaiting{"ErrImagePull", fmt.Sprintf("image %q is not one of podrunner's (--image NAME=FILE)", c.spec.Image)}
	}
	spec, err := c.plan(ctx, image)
	if err != nil {
		if ctx.Err() != nil {
			return nil, nil
		}
		return nil, errWaiting{"CreateContainerConfigError", err.Error()}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped {
		return nil, nil
	}
	log, err := os.OpenFile(filepath.Join(c.dir, strconv.Itoa(int(c.restartCount()))+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, errWaiting{"CreateContainerError", err.Error()}
	}
	defer log.Close()
	process, err := c.pod.runner.spawner.start(spec, log)
	if errors.As(err, new(errStart)) {
		return nil, err
	} else if err != nil {
		return nil, errWaiting{"CreateContainerError", err.Error()}
	}
	c.process, c.running = process, spec
	pid := []byte(strconv.Itoa(process.pid()) + "\n")
	return process, writeAtomically(filepath.Join(c.dir, "pid"), pid)
}

// plan is all that the container needs, resolved.
func (c *container) plan(ctx context.Context, image string) (*containerinit.Spec, error) {
	pod := c.pod.seen()
	env, err := environment(ctx, apiLookup{c.pod.runner}, pod, c.spec, c.pod.runner.service)
	if err != nil {
		return nil, err
	}
	spec := &containerinit.Spec{Root: filepath.Join(c.dir, "root"), ImageDir: filepath.Join(c.dir, "image"), Image: image,
		Hostname: pod.Name, Dir: c.spec.WorkingDir}
	if pod.Spec.Hostname != "" {
		spec.Hostname = pod.Spec.Hostname
	}
	if len(spec.Hostname) > 63 {
		spec.Hostname = spec.Hostname[:63]
	}
	if spec.Dir == "" {
		spec.Dir = "/"
	}
	if err := applySecurity(spec, pod, c.spec); err != nil {
		return nil, err
	}
	spec.Argv = command(c.spec, "/usr/bin/"+filepath.Base(image), env)
	spec.Env = list(env, spec.Hostname, spec.UID)
	if spec.Mounts, err = mounts(c.spec, c.pod.volumes, func(s string) string {
		return expansion.Expand(s, expansion.MappingFuncFor(env))
	}); err != nil {
		return nil, err
	}
	for _, dir := range []string{spec.Root, spec.ImageDir} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, err
		}
	}
	return spec, os.WriteFile(filepath.Join(spec.ImageDir, filepath.Base(image)), nil, 0o755)
}

func writeAtomically(path string, data []byte) error {
	if err := os.WriteFile(path+".new", data, 0o644); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
