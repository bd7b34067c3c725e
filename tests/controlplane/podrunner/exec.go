package podrunner

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// What of a probe's or hook's output goes into an event, as in the kubelet.
const outputMax = 10 << 10

// exec runs a command inside the container, with its rights and environment, and gives back what it wrote.
func (c *container) exec(ctx context.Context, argv []string) (code int, output string, err error) {
	c.mu.Lock()
	target, spec := c.process, c.running
	c.mu.Unlock()
	if target == nil || !target.running() {
		return 0, "", fmt.Errorf("container %s is not running", c.spec.Name)
	}
	read, write, err := os.Pipe()
	if err != nil {
		return 0, "", err
	}
	defer read.Close()
	beside := *spec
	beside.Join, beside.Argv = target.pid(), argv
	process, err := c.pod.runner.spawner.start(&beside, write)
	write.Close()
	if err != nil {
		return 126, err.Error(), nil // as a runtime answers for a command that cannot be run
	}
	text := make(chan string, 1)
	go func() {
		data, err := io.ReadAll(io.LimitReader(read, outputMax))
		if err != nil {
			data = append(data, err.Error()...)
		}
		text <- string(data)
		if _, err := io.Copy(io.Discard, read); err != nil {
			c.pod.log("output of %q: %v", argv, err)
		}
	}()
	select {
	case <-process.done:
	case <-ctx.Done():
		if err := syscall.Kill(-process.pid(), syscall.SIGKILL); err != nil && err != syscall.ESRCH {
			return 0, "", err
		}
		<-process.done
		return 0, "", ctx.Err()
	}
	select {
	case output = <-text:
	case <-time.After(time.Second): // a child of it holds the pipe
	}
	return process.code, output, nil
}

// get is an httpGet action on the pod's address.
func (c *container) get(ctx context.Context, h *corev1.HTTPGetAction) (status int, body string, err error) {
	port, err := c.port(h.Port)
	if err != nil {
		return 0, "", err
	}
	host := h.Host
	if host == "" {
		host = c.pod.ip
	}
	scheme := strings.ToLower(string(h.Scheme))
	if scheme == "" {
		scheme = "http"
	}
	url := scheme + "://" + net.JoinHostPort(host, strconv.Itoa(port)) + "/" + strings.TrimPrefix(h.Path, "/")
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, "", err
	}
	request.Header.Set("User-Agent", "kube-probe/1.34")
	for _, header := range h.HTTPHeaders {
		request.Header.Add(header.Name, header.Value)
		if strings.EqualFold(header.Name, "Host") {
			request.Host = header.Value
		}
	}
	response, err := probeClient.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(io.LimitReader(response.Body, outputMax))
	return response.StatusCode, string(data), err
}

func (c *container) dial(ctx context.Context, t *corev1.TCPSocketAction) error {
	port, err := c.port(t.Port)
	if err != nil {
		return err
	}
	host := t.Host
	if host == "" {
		host = c.pod.ip
	}
	connection, err := (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		return err
	}
	return connection.Close()
}

func (c *container) port(p intstr.IntOrString) (int, error) {
	if p.Type == intstr.Int {
		return p.IntValue(), nil
	}
	for _, named := range c.spec.Ports {
		if named.Name == p.StrVal {
			return int(named.ContainerPort), nil
		}
	}
	return 0, fmt.Errorf("port %q: container %s has none of this name", p.StrVal, c.spec.Name)
}
