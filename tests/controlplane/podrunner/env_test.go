package podrunner

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

type objects struct {
	maps    map[string]map[string]string
	secrets map[string]map[string][]byte
}

func (o objects) configMap(_ context.Context, _, name string) (*corev1.ConfigMap, error) {
	if data, found := o.maps[name]; found {
		return &corev1.ConfigMap{Data: data}, nil
	}
	return nil, apierrors.NewNotFound(schema.GroupResource{Resource: "configmaps"}, name)
}

func (o objects) secret(_ context.Context, _, name string) (*corev1.Secret, error) {
	if data, found := o.secrets[name]; found {
		return &corev1.Secret{Data: data}, nil
	}
	return nil, apierrors.NewNotFound(schema.GroupResource{Resource: "secrets"}, name)
}

var testObjects = objects{maps: map[string]map[string]string{"conf": {"a": "1", "b": "2"}}, secrets: map[string]map[string][]byte{"cred": {"p": []byte("x")}}}

func environmentOf(t *testing.T, env []corev1.EnvVar, from ...corev1.EnvFromSource) (map[string]string, error) {
	t.Helper()
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "n", Namespace: "ns", UID: "u", Labels: map[string]string{"l/x": "y"}}}
	pod.Status.PodIP, pod.Spec.NodeName = "127.2.0.1", "runner-0"
	c := &corev1.Container{Name: "c", Env: env, EnvFrom: from, Resources: corev1.ResourceRequirements{
		Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("2Mi")}}}
	return environment(context.Background(), testObjects, pod, c, map[string]string{"KUBERNETES_SERVICE_HOST": "127.0.0.1"})
}

func field(name, path string) corev1.EnvVar {
	return corev1.EnvVar{Name: name, ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: path}}}
}

func TestEnvironmentIsExpandedFromWhatIsAbove(t *testing.T) {
	got, err := environmentOf(t, []corev1.EnvVar{
		{Name: "early", Value: "$(late)"}, {Name: "late", Value: "$(C_a)$(KUBERNETES_SERVICE_HOST)"}, {Name: "twice", Value: "$$(late)"},
		field("name", "metadata.name"), field("label", "metadata.labels['l/x']"), field("ip", "status.podIP"), field("node", "spec.nodeName"),
		{Name: "memory", ValueFrom: &corev1.EnvVarSource{ResourceFieldRef: &corev1.ResourceFieldSelector{Resource: "limits.memory"}}},
		{Name: "cpu", ValueFrom: &corev1.EnvVarSource{ResourceFieldRef: &corev1.ResourceFieldSelector{Resource: "limits.cpu"}}},
		{Name: "C_b", Value: "own"},
	}, corev1.EnvFromSource{Prefix: "C_", ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "conf"}}})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"C_a": "1", "C_b": "own", "early": "$(late)", "late": "1127.0.0.1", "twice": "$(late)", "name": "n", "label": "y",
		"ip": "127.2.0.1", "node": "runner-0", "memory": "2097152", "cpu": "64", "KUBERNETES_SERVICE_HOST": "127.0.0.1"}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("got %v\nwant %v", got, want)
	}
}

func secretKey(name, key string, optional bool) corev1.EnvVar {
	return corev1.EnvVar{Name: "e", ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{
		LocalObjectReference: corev1.LocalObjectReference{Name: name}, Key: key, Optional: &optional}}}
}

func TestMissingReferencesAreErrorsUnlessOptional(t *testing.T) {
	for _, ref := range [][2]string{{"none", "p"}, {"cred", "none"}} {
		if _, err := environmentOf(t, []corev1.EnvVar{secretKey(ref[0], ref[1], false)}); err == nil {
			t.Errorf("%v: no error", ref)
		}
		got, err := environmentOf(t, []corev1.EnvVar{secretKey(ref[0], ref[1], true)})
		if _, set := got["e"]; err != nil || set {
			t.Errorf("%v, optional: %v %v", ref, got, err)
		}
	}
}

func TestCommandReplacesTheEntrypointAndArgsFollow(t *testing.T) {
	env := map[string]string{"A": "1"}
	for _, c := range []struct {
		command, args []string
		want          string
	}{
		{nil, nil, "/usr/bin/image"},
		{nil, []string{"serve", "$(A)"}, "/usr/bin/image serve 1"},
		{[]string{"sidecommit"}, []string{"$(B)"}, "sidecommit $(B)"},
	} {
		got := strings.Join(command(&corev1.Container{Command: c.command, Args: c.args}, "/usr/bin/image", env), " ")
		if got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestCapabilities(t *testing.T) {
	if set, err := capabilitySet([]corev1.Capability{"CHOWN", "CAP_KILL"}); err != nil || set != 1|1<<5 {
		t.Errorf("%b %v", set, err)
	}
	if _, err := capabilitySet([]corev1.Capability{"FLY"}); err == nil {
		t.Error("FLY is no capability")
	}
	if errors.Is(keyError(false, nil, "k", "Secret", "ns", "n"), nil) {
		t.Error("a missing key is an error")
	}
}
