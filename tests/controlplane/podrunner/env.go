package podrunner

import (
	"context"
	"fmt"
	"sort"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/kubernetes/pkg/api/v1/resource"
	"k8s.io/kubernetes/pkg/fieldpath"
	"k8s.io/kubernetes/third_party/forked/golang/expansion"
)

// lookup reads what an environment may refer to.
type lookup interface {
	configMap(ctx context.Context, namespace, name string) (*corev1.ConfigMap, error)
	secret(ctx context.Context, namespace, name string) (*corev1.Secret, error)
}

// environment is a container's environment as the kubelet makes it: services, then envFrom, then env, each winning over
// the ones before, and $(NAME) expanded from what was there when it was read. The pod's status must hold its IP.
func environment(ctx context.Context, from lookup, pod *corev1.Pod, c *corev1.Container, service map[string]string) (map[string]string, error) {
	result := map[string]string{}
	for _, source := range c.EnvFrom {
		data, err := envSource(ctx, from, pod.Namespace, source)
		if err != nil {
			return nil, err
		}
		for k, v := range data {
			result[source.Prefix+k] = v
		}
	}
	known := map[string]string{} // what $(NAME) sees: all that was there above it
	for k, v := range result {
		known[k] = v
	}
	for _, e := range c.Env {
		value, present, err := envValue(ctx, from, pod, c, e, expansion.MappingFuncFor(known, service))
		if err != nil {
			return nil, err
		}
		if present {
			result[e.Name], known[e.Name] = value, value
		}
	}
	for k, v := range service {
		if _, set := result[k]; !set {
			result[k] = v
		}
	}
	return result, nil
}

func envSource(ctx context.Context, from lookup, namespace string, s corev1.EnvFromSource) (map[string]string, error) {
	data := map[string]string{}
	switch {
	case s.ConfigMapRef != nil:
		m, err := from.configMap(ctx, namespace, s.ConfigMapRef.Name)
		if missing(err, s.ConfigMapRef.Optional) {
			return nil, nil
		} else if err != nil {
			return nil, err
		}
		data = m.Data
	case s.SecretRef != nil:
		m, err := from.secret(ctx, namespace, s.SecretRef.Name)
		if missing(err, s.SecretRef.Optional) {
			return nil, nil
		} else if err != nil {
			return nil, err
		}
		for k, v := range m.Data {
			data[k] = string(v)
		}
	}
	return data, nil
}

func missing(err error, optional *bool) bool {
	return apierrors.IsNotFound(err) && optional != nil && *optional
}

func envValue(ctx context.Context, from lookup, pod *corev1.Pod, c *corev1.Container, e corev1.EnvVar, mapping func(string) string) (value string, present bool, err error) {
	if e.ValueFrom == nil {
		return expansion.Expand(e.Value, mapping), true, nil
	}
	switch s := e.ValueFrom; {
	case s.FieldRef != nil:
		value, err = fieldValue(pod, s.FieldRef.FieldPath)
		return value, true, err
	case s.ResourceFieldRef != nil:
		value, err = resourceValue(pod, c, s.ResourceFieldRef)
		return value, true, err
	case s.ConfigMapKeyRef != nil:
		r := s.ConfigMapKeyRef
		m, err := from.configMap(ctx, pod.Namespace, r.Name)
		if err != nil {
			return "", false, ignore(err, missing(err, r.Optional))
		}
		value, present = m.Data[r.Key]
		return value, present, keyError(present, r.Optional, r.Key, "ConfigMap", pod.Namespace, r.Name)
	case s.SecretKeyRef != nil:
		r := s.SecretKeyRef
		m, err := from.secret(ctx, pod.Namespace, r.Name)
		if err != nil {
			return "", false, ignore(err, missing(err, r.Optional))
		}
		data, present := m.Data[r.Key]
		return string(data), present, keyError(present, r.Optional, r.Key, "Secret", pod.Namespace, r.Name)
	}
	return "", false, fmt.Errorf("env %s: this kind of valueFrom is not known to podrunner", e.Name)
}

func ignore(err error, yes bool) error {
	if yes {
		return nil
	}
	return err
}

func keyError(present bool, optional *bool, key, kind, namespace, name string) error {
	if present || optional != nil && *optional {
		return nil
	}
	return fmt.Errorf("couldn't find key %s in %s %s/%s", key, kind, namespace, name)
}

func fieldValue(pod *corev1.Pod, path string) (string, error) {
	switch path {
	case "spec.nodeName":
		return pod.Spec.NodeName, nil
	case "spec.serviceAccountName":
		return pod.Spec.ServiceAccountName, nil
	case "status.hostIP":
		return pod.Status.HostIP, nil
	case "status.hostIPs":
		return pod.Status.HostIP, nil
	case "status.podIP", "status.podIPs":
		return pod.Status.PodIP, nil
	}
	return fieldpath.ExtractFieldPathAsString(pod, path)
}

func resourceValue(pod *corev1.Pod, c *corev1.Container, r *corev1.ResourceFieldSelector) (string, error) {
	if r.ContainerName != "" && r.ContainerName != c.Name {
		return resource.ExtractResourceValueByContainerNameAndNodeAllocatable(r, pod, r.ContainerName, capacity)
	}
	own := c.DeepCopy()
	resource.MergeContainerResourceLimits(own, capacity) // without a limit: what the node has
	return resource.ExtractContainerResourceValue(r, own)
}

// command is the container's command line: `command` instead of the image's entrypoint, `args` behind it.
func command(c *corev1.Container, entrypoint string, env map[string]string) []string {
	mapping := expansion.MappingFuncFor(env)
	argv := []string{entrypoint}
	if len(c.Command) > 0 {
		argv = nil
	}
	for _, words := range [][]string{c.Command, c.Args} {
		for _, w := range words {
			argv = append(argv, expansion.Expand(w, mapping))
		}
	}
	return argv
}

// list is the environment as exec wants it, with what an image and its runtime set.
func list(env map[string]string, hostname string, uid int) []string {
	home := "/"
	if uid == 0 {
		home = "/root"
	}
	all := map[string]string{"PATH": "/usr/bin:/bin", "HOSTNAME": hostname, "HOME": home}
	for k, v := range env {
		all[k] = v
	}
	result := make([]string, 0, len(all))
	for k, v := range all {
		result = append(result, k+"="+v)
	}
	sort.Strings(result)
	return result
}

// serviceEnv is where the API server is, as every container is told.
func serviceEnv(server string) (map[string]string, error) {
	host, port, found := strings.Cut(strings.TrimPrefix(server, "https://"), ":")
	if !found {
		return nil, fmt.Errorf("API server %q: https://host:port is wanted", server)
	}
	return map[string]string{"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port, "KUBERNETES_SERVICE_PORT_HTTPS": port}, nil
}

// apiLookup is the lookup on the API server.
type apiLookup struct{ *Runner }

func (a apiLookup) configMap(ctx context.Context, namespace, name string) (*corev1.ConfigMap, error) {
	return a.client.CoreV1().ConfigMaps(namespace).Get(ctx, name, metav1.GetOptions{})
}

func (a apiLookup) secret(ctx context.Context, namespace, name string) (*corev1.Secret, error) {
	return a.client.CoreV1().Secrets(namespace).Get(ctx, name, metav1.GetOptions{})
}
