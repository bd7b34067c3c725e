package podrunner

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/kubernetes/pkg/securitycontext"

	"controlplane/containerinit"
)

// capabilities by their number in the kernel's header.
var capabilities = []string{"CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP",
	"LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO",
	"SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE", "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD",
	"LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP", "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND",
	"AUDIT_READ", "PERFMON", "BPF", "CHECKPOINT_RESTORE"}

// What container runtimes leave to a container that says nothing.
var defaultCapabilities = []corev1.Capability{"CHOWN", "DAC_OVERRIDE", "FSETID", "FOWNER", "MKNOD", "NET_RAW", "SETGID", "SETUID",
	"SETFCAP", "SETPCAP", "NET_BIND_SERVICE", "SYS_CHROOT", "KILL", "AUDIT_WRITE"}

func capabilitySet(names []corev1.Capability) (uint64, error) {
	set := uint64(0)
next:
	for _, name := range names {
		if name == "ALL" {
			return 1<<len(capabilities) - 1, nil
		}
		for bit, c := range capabilities {
			if strings.TrimPrefix(string(name), "CAP_") == c {
				set |= 1 << bit
				continue next
			}
		}
		return 0, fmt.Errorf("capability %q is not known", name)
	}
	return set, nil
}

// applySecurity fills in who the container runs as. Our images have no user of their own: it is root where the pod says
// nothing, which runAsNonRoot refuses as the kubelet does.
func applySecurity(spec *containerinit.Spec, pod *corev1.Pod, c *corev1.Container) error {
	sc := securitycontext.DetermineEffectiveSecurityContext(pod, c)
	if sc.RunAsUser != nil {
		spec.UID = int(*sc.RunAsUser)
	}
	if sc.RunAsGroup != nil {
		spec.GID = int(*sc.RunAsGroup)
	}
	if sc.RunAsNonRoot != nil && *sc.RunAsNonRoot && spec.UID == 0 {
		if sc.RunAsUser != nil {
			return fmt.Errorf("container's runAsUser breaks non-root policy (pod: \"%s_%s(%s)\", container: %s)", pod.Name, pod.Namespace, pod.UID, c.Name)
		}
		return fmt.Errorf("container has runAsNonRoot and image will run as root (pod: \"%s_%s(%s)\", container: %s)", pod.Name, pod.Namespace, pod.UID, c.Name)
	}
	if p := pod.Spec.SecurityContext; p != nil {
		for _, g := range p.SupplementalGroups {
			spec.Groups = append(spec.Groups, int(g))
		}
		if p.FSGroup != nil {
			spec.Groups = append(spec.Groups, int(*p.FSGroup))
		}
	}
	spec.ReadOnlyRoot = sc.ReadOnlyRootFilesystem != nil && *sc.ReadOnlyRootFilesystem
	spec.NoNewPrivs = sc.AllowPrivilegeEscalation != nil && !*sc.AllowPrivilegeEscalation
	var err error
	if sc.Privileged != nil && *sc.Privileged {
		spec.Capabilities, err = capabilitySet([]corev1.Capability{"ALL"})
		return err
	}
	if spec.Capabilities, err = capabilitySet(defaultCapabilities); err != nil || sc.Capabilities == nil {
		return err
	}
	drop, err := capabilitySet(sc.Capabilities.Drop)
	if err != nil {
		return err
	}
	add, err := capabilitySet(sc.Capabilities.Add)
	spec.Capabilities = spec.Capabilities&^drop | add
	return err
}
