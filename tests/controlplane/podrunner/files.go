package podrunner

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	authv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/kubernetes/pkg/volume/configmap"
	"k8s.io/kubernetes/pkg/volume/secret"
	volumeutil "k8s.io/kubernetes/pkg/volume/util"
)

// files are a volume's by their path in it; payload makes them, by the kubelet's own functions where it has some.
type (
	files   map[string]volumeutil.FileProjection
	payload func(ctx context.Context) (files, error)
)

// volumeFiles is what a volume of the API's kind is made from.
func (p *pod) volumeFiles(v *corev1.Volume) ([]payload, error) {
	switch {
	case v.ConfigMap != nil:
		s := v.ConfigMap
		return []payload{p.configMapFiles(s.Name, s.Items, s.Optional, modeOf(s.DefaultMode))}, nil
	case v.Secret != nil:
		s := v.Secret
		return []payload{p.secretFiles(s.SecretName, s.Items, s.Optional, modeOf(s.DefaultMode))}, nil
	case v.DownwardAPI != nil:
		s := v.DownwardAPI
		return []payload{p.downwardFiles(s.Items, modeOf(s.DefaultMode))}, nil
	case v.Projected != nil:
		all, mode := []payload{}, modeOf(v.Projected.DefaultMode)
		for _, s := range v.Projected.Sources {
			switch {
			case s.ConfigMap != nil:
				all = append(all, p.configMapFiles(s.ConfigMap.Name, s.ConfigMap.Items, s.ConfigMap.Optional, mode))
			case s.Secret != nil:
				all = append(all, p.secretFiles(s.Secret.Name, s.Secret.Items, s.Secret.Optional, mode))
			case s.DownwardAPI != nil:
				all = append(all, p.downwardFiles(s.DownwardAPI.Items, mode))
			case s.ServiceAccountToken != nil:
				all = append(all, p.tokenFile(s.ServiceAccountToken, mode))
			default:
				return nil, fmt.Errorf("this kind of projected source is not known to podrunner")
			}
		}
		return all, nil
	}
	return nil, fmt.Errorf("this kind of volume is not known to podrunner")
}

func modeOf(m *int32) int32 {
	if m == nil {
		return 0o644
	}
	return *m
}

func (p *pod) configMapFiles(name string, items []corev1.KeyToPath, optional *bool, mode int32) payload {
	return func(ctx context.Context) (files, error) {
		m, err := apiLookup{p.runner}.configMap(ctx, p.namespace, name)
		if missing(err, optional) {
			m, err = &corev1.ConfigMap{}, nil
		}
		if err != nil {
			return nil, err
		}
		return configmap.MakePayload(items, m, &mode, optional != nil && *optional)
	}
}

func (p *pod) secretFiles(name string, items []corev1.KeyToPath, optional *bool, mode int32) payload {
	return func(ctx context.Context) (files, error) {
		s, err := apiLookup{p.runner}.secret(ctx, p.namespace, name)
		if missing(err, optional) {
			s, err = &corev1.Secret{}, nil
		}
		if err != nil {
			return nil, err
		}
		return secret.MakePayload(items, s, &mode, optional != nil && *optional)
	}
}

func (p *pod) downwardFiles(items []corev1.DownwardAPIVolumeFile, mode int32) payload {
	return func(context.Context) (files, error) {
		result, now := files{}, p.seen()
		for _, item := range items {
			var value string
			var err error
			if item.FieldRef != nil {
				value, err = fieldValue(now, item.FieldRef.FieldPath)
			} else if item.ResourceFieldRef != nil {
				value, err = resourceValue(now, &corev1.Container{}, item.ResourceFieldRef)
			}
			if err != nil {
				return nil, err
			}
			own := mode
			if item.Mode != nil {
				own = *item.Mode
			}
			result[filepath.Clean(item.Path)] = volumeutil.FileProjection{Data: []byte(value), Mode: own}
		}
		return result, nil
	}
}

// tokenFile asks for a token bound to the pod and keeps it for four fifths of its life.
func (p *pod) tokenFile(s *corev1.ServiceAccountTokenProjection, mode int32) payload {
	var token string
	var renew time.Time
	return func(ctx context.Context) (files, error) {
		user := volumeutil.FsUserFrom(p.seen())
		if user != nil || p.spec.SecurityContext != nil && p.spec.SecurityContext.FSGroup != nil {
			mode = 0o600 // the kubelet: for its one user or the group only
		}
		if time.Now().After(renew) {
			request := &authv1.TokenRequest{Spec: authv1.TokenRequestSpec{ExpirationSeconds: s.ExpirationSeconds,
				BoundObjectRef: &authv1.BoundObjectReference{APIVersion: "v1", Kind: "Pod", Name: p.name, UID: p.uid}}}
			if s.Audience != "" {
				request.Spec.Audiences = []string{s.Audience}
			}
			now := time.Now()
			made, err := p.runner.client.CoreV1().ServiceAccounts(p.namespace).CreateToken(ctx, p.spec.ServiceAccountName, request, metav1.CreateOptions{})
			if err != nil {
				return nil, err
			}
			token, renew = made.Status.Token, now.Add(made.Status.ExpirationTimestamp.Sub(now)*4/5)
		}
		return files{s.Path: {Data: []byte(token), Mode: mode, FsUser: user}}, nil
	}
}

// writeFiles brings a volume to what its sources say now; the kubelet's writer swaps one link, and leaves alone what is
// the same.
func (p *pod) writeFiles(ctx context.Context, dir string, sources []payload) error {
	all := files{}
	for _, source := range sources {
		more, err := source(ctx)
		if err != nil {
			if apierrors.IsNotFound(err) {
				return fmt.Errorf("references non-existent object: %w", err)
			}
			return err
		}
		for path, f := range more {
			all[path] = f
		}
	}
	writer, err := volumeutil.NewAtomicWriter(dir, p.namespace+"/"+p.name)
	if err != nil {
		return err
	}
	return writer.Write(all, func(sub string) error { return p.readByGroup(filepath.Join(dir, sub)) })
}
