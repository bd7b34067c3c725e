package podrunner

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/tools/cache"
)

const provisioner = "podrunner.sidecommit.dev/folder"

// provide is the cluster's storage: a default StorageClass, and a folder as a volume for each claim that asks for it.
// A claim that is deleted and made again gets a new one.
func (r *Runner) provide(ctx context.Context) error {
	keep, now := corev1.PersistentVolumeReclaimRetain, storagev1.VolumeBindingImmediate
	class := &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: "folder",
		Annotations: map[string]string{"storageclass.kubernetes.io/is-default-class": "true"}},
		Provisioner: provisioner, ReclaimPolicy: &keep, VolumeBindingMode: &now}
	if _, err := r.client.StorageV1().StorageClasses().Create(ctx, class, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	handle := func(o any) {
		claim, ok := o.(*corev1.PersistentVolumeClaim)
		if !ok || claim.Spec.VolumeName != "" || claim.Spec.StorageClassName == nil || *claim.Spec.StorageClassName != class.Name {
			return
		}
		if err := r.provideOne(ctx, claim); err != nil && !apierrors.IsAlreadyExists(err) && ctx.Err() == nil {
			fmt.Fprintf(os.Stderr, "podrunner: volume for claim %s/%s: %v\n", claim.Namespace, claim.Name, err)
		}
	}
	lw := cache.NewListWatchFromClient(r.client.CoreV1().RESTClient(), "persistentvolumeclaims", metav1.NamespaceAll, fields.Everything())
	_, informer := cache.NewInformerWithOptions(cache.InformerOptions{ListerWatcher: lw, ObjectType: &corev1.PersistentVolumeClaim{},
		Handler: cache.ResourceEventHandlerFuncs{AddFunc: handle, UpdateFunc: func(_, o any) { handle(o) }}})
	go informer.RunWithContext(ctx)
	return nil
}

func (r *Runner) provideOne(ctx context.Context, claim *corev1.PersistentVolumeClaim) error {
	name := "pvc-" + string(claim.UID)
	path := filepath.Join(r.dir, "claims", claim.Namespace+"_"+claim.Name+"_"+string(claim.UID))
	if err := os.MkdirAll(path, 0o755); err != nil {
		return err
	}
	_, err := r.client.CoreV1().PersistentVolumes().Create(ctx, &corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: corev1.PersistentVolumeSpec{
			Capacity: claim.Spec.Resources.Requests, AccessModes: claim.Spec.AccessModes,
			PersistentVolumeReclaimPolicy: corev1.PersistentVolumeReclaimRetain, StorageClassName: *claim.Spec.StorageClassName,
			PersistentVolumeSource: corev1.PersistentVolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: path}},
			ClaimRef: &corev1.ObjectReference{APIVersion: "v1", Kind: "PersistentVolumeClaim",
				Namespace: claim.Namespace, Name: claim.Name, UID: claim.UID},
		}}, metav1.CreateOptions{})
	return err
}
