package podrunner

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"controlplane/containerinit"
)

// How often files made from ConfigMaps, Secrets, tokens and the pod itself are looked at again.
const refreshPeriod = 10 * time.Second

// volume is one of the pod's, as a folder (or file) of the host.
type volume struct {
	path     string
	readOnly bool                            // all of them that come from the API
	refresh  func(ctx context.Context) error // nil for who has no content of the API's
}

func (p *pod) makeVolumes(ctx context.Context) (map[string]volume, error) {
	all := map[string]volume{}
	for i := range p.spec.Volumes {
		v := &p.spec.Volumes[i]
		made, err := p.makeVolume(ctx, v)
		if err != nil {
			return nil, fmt.Errorf("MountVolume.SetUp failed for volume %q : %w", v.Name, err)
		}
		all[v.Name] = made
	}
	return all, nil
}

func (p *pod) makeVolume(ctx context.Context, v *corev1.Volume) (volume, error) {
	dir := filepath.Join(p.dir, "volumes", v.Name)
	switch {
	case v.EmptyDir != nil:
		if err := os.MkdirAll(dir, 0o777); err != nil {
			return volume{}, err
		}
		return volume{path: dir}, firstError(os.Chmod(dir, 0o777), p.ownByGroup(dir))
	case v.HostPath != nil:
		return hostPath(v.HostPath)
	case v.PersistentVolumeClaim != nil:
		path, err := p.claimPath(ctx, v.PersistentVolumeClaim.ClaimName)
		if err != nil {
			return volume{}, err
		}
		return volume{path: path, readOnly: v.PersistentVolumeClaim.ReadOnly}, p.ownByGroup(path)
	}
	sources, err := p.volumeFiles(v)
	if err != nil {
		return volume{}, err
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return volume{}, err
	}
	refresh := func(ctx context.Context) error { return p.writeFiles(ctx, dir, sources) }
	return volume{path: dir, readOnly: true, refresh: refresh}, firstError(os.Chmod(dir, 0o777), refresh(ctx))
}

func hostPath(h *corev1.HostPathVolumeSource) (volume, error) {
	if h.Type != nil && *h.Type == corev1.HostPathDirectoryOrCreate {
		if err := os.MkdirAll(h.Path, 0o755); err != nil {
			return volume{}, err
		}
	}
	_, err := os.Stat(h.Path)
	return volume{path: h.Path}, err
}

// claimPath is the folder behind a claim: its volume's, made by claims.go, root's and 0755 as a new disk is.
func (p *pod) claimPath(ctx context.Context, name string) (string, error) {
	claim, err := p.runner.client.CoreV1().PersistentVolumeClaims(p.namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return "", err
	}
	if claim.Spec.VolumeName == "" {
		return "", fmt.Errorf("claim %s is not bound", name)
	}
	disk, err := p.runner.client.CoreV1().PersistentVolumes().Get(ctx, claim.Spec.VolumeName, metav1.GetOptions{})
	if err != nil {
		return "", err
	}
	if disk.Spec.HostPath == nil {
		return "", fmt.Errorf("volume %s: podrunner knows hostPath volumes only", disk.Name)
	}
	return disk.Spec.HostPath.Path, os.MkdirAll(disk.Spec.HostPath.Path, 0o755)
}

// ownByGroup gives a volume to the pod's fsGroup as the kubelet does: the group may read and write, folders hand their
// group down.
func (p *pod) ownByGroup(root string) error { return p.giveToGroup(root, 0o660) }

// readByGroup is ownByGroup for a volume that nobody writes to.
func (p *pod) readByGroup(root string) error { return p.giveToGroup(root, 0o440) }

// giveToGroup adds rights to whatever is in a volume; folders can be entered as well.
func (p *pod) giveToGroup(root string, rights os.FileMode) error {
	if p.spec.SecurityContext == nil || p.spec.SecurityContext.FSGroup == nil {
		return nil
	}
	group := int(*p.spec.SecurityContext.FSGroup)
	return filepath.Walk(root, func(path string, info os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		if err := os.Lchown(path, -1, group); err != nil || info.Mode()&os.ModeSymlink != 0 {
			return err
		}
		mode := info.Mode() | rights
		if info.IsDir() {
			mode |= 0o110 | os.ModeSetgid
		}
		return os.Chmod(path, mode)
	})
}

// mounts is where a container sees its volumes, outer paths before the ones inside them.
func mounts(c *corev1.Container, volumes map[string]volume, expand func(string) string) ([]containerinit.Mount, error) {
	result := make([]containerinit.Mount, 0, len(c.VolumeMounts))
	for _, m := range c.VolumeMounts {
		v, found := volumes[m.Name]
		if !found {
			return nil, fmt.Errorf("volumeMount %q: the pod has no such volume", m.Name)
		}
		source, sub := v.path, m.SubPath
		if m.SubPathExpr != "" {
			sub = expand(m.SubPathExpr)
		}
		if sub != "" {
			var err error
			if source, err = subPath(v.path, sub); err != nil {
				return nil, err
			}
		}
		result = append(result, containerinit.Mount{Source: source, Target: filepath.Clean(m.MountPath), ReadOnly: m.ReadOnly || v.readOnly})
	}
	sort.SliceStable(result, func(i, j int) bool {
		return strings.Count(result[i].Target, "/") < strings.Count(result[j].Target, "/")
	})
	return result, nil
}

func subPath(root, sub string) (string, error) {
	path := filepath.Join(root, sub)
	if rel, err := filepath.Rel(root, path); err != nil || rel == ".." || strings.HasPrefix(rel, "../") {
		return "", fmt.Errorf("subPath %q leaves its volume", sub)
	}
	if _, err := os.Stat(path); os.IsNotExist(err) {
		return path, os.MkdirAll(path, 0o750)
	}
	return filepath.EvalSymlinks(path)
}

// keepFresh writes the files anew while the pod lives; a swap of one link changes all of a volume's at once.
func (p *pod) keepFresh(ctx context.Context, volumes map[string]volume) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(refreshPeriod):
		}
		for name, v := range volumes {
			if v.refresh == nil {
				continue
			}
			if err := v.refresh(ctx); err != nil && ctx.Err() == nil {
				p.event("", corev1.EventTypeWarning, "FailedMount", "MountVolume.SetUp failed for volume %q : %v", name, err)
			}
		}
	}
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
