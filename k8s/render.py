"""Makes the plain manifests, the policies and what kustomize takes from the chart. Usage: render.py FOLDER"""

import pathlib
import re
import subprocess
import sys

import yaml

ROOT = pathlib.Path(__file__).parent
OUT = pathlib.Path(sys.argv[1])
MADE = "# Made by k8s/render from k8s/chart/sidecommit; change that.\n"
# `$` and `{` are in no prefix: where they were not replaced, nothing starts.
PLACEHOLDERS = {"PREFIX-PLACEHOLDER": "${SIDECOMMIT_PREFIX}", "BROKERS-PLACEHOLDER": "${SIDECOMMIT_BOOTSTRAP_SERVERS}"}
NAMESPACE = """apiVersion: v1
kind: Namespace
metadata:
  name: sidecommit
  labels:
    pod-security.kubernetes.io/enforce: restricted
"""


def chart(*options):
    """What helm makes, as text: without what is Helm's own, with placeholders for what every cluster has to say."""
    settings = ["injection.transactionalIdPrefix=PREFIX-PLACEHOLDER", "injection.bootstrapServers=BROKERS-PLACEHOLDER", "tests.enabled=false"]
    command = [ROOT / "tool", "helm", "template", "sidecommit", ROOT / "chart/sidecommit", "--namespace", "sidecommit"]
    for setting in settings:
        command += ["--set", setting]
    text = subprocess.run([*command, *options], check=True, capture_output=True, text=True).stdout
    text = re.sub(r"(?m)^( *app\.kubernetes\.io/managed-by: Helm| *helm\.sh/.*|# Source: .*)\n", "", text)
    # kustomize has a hash of its own, and whoever edits the plain ConfigMap restarts the Deployment.
    text = re.sub(r"(?m)^ *annotations:\n *# The defaults are read once.*\n *checksum/defaults: .*\n", "", text)
    for placeholder, text_for in PLACEHOLDERS.items():
        text = text.replace(placeholder, text_for)
    return [document for document in re.split(r"(?m)^---\n", text) if yaml.safe_load(document)]


def kind(document):
    return yaml.safe_load(document)["kind"]


def write(path, documents):
    path = OUT / path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(MADE + "---\n".join(document.strip("\n") + "\n" for document in documents))


def write_patch(path, manifest, **parts):
    """A patch: the parts of the manifest that replace what the base has."""
    head = {"apiVersion": manifest["apiVersion"], "kind": manifest["kind"], "metadata": {"name": manifest["metadata"]["name"]}}
    if "namespace" in manifest["metadata"]:
        head["metadata"]["namespace"] = manifest["metadata"]["namespace"]
    head["metadata"].update(parts.pop("metadata", {}))
    write(path, [yaml.safe_dump({**head, **parts}, sort_keys=False, width=200)])


def only(documents, *kinds):
    return [document for document in documents if kind(document) in kinds]


def without(documents, *kinds):
    return [document for document in documents if kind(document) not in kinds]


def one(documents, wanted):
    (document,) = only(documents, wanted)
    return yaml.safe_load(document)


def policies(*options):
    return chart("--set", "webhook.enabled=false", "--set", "policies.mutating=true", *options)


default = chart()
high = chart("--values", ROOT / "chart/sidecommit/values-ha.yaml")
managed = chart("--set", "certs.mode=cert-manager")
leases = only(chart("--set", "leases.namespaces={default}"), "Role", "RoleBinding")
leases = [document for document in leases if "sidecommit-leases" in document]
network = only(chart("--set", "networkPolicy.sidecars.namespaces={default}"), "NetworkPolicy")
v1, v1beta1 = (policies("--set", f"policies.mutatingApiVersion={version}") for version in ["v1", "v1beta1"])
validating = ["ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"]
certificates = only(managed, "Issuer", "Certificate")

write("manifests/install.yaml", [NAMESPACE, *default])
write("manifests/install-ha.yaml", [NAMESPACE, *high])
write("manifests/install-cert-manager.yaml", [NAMESPACE, *managed])
write("manifests/lease-rbac.yaml", leases)
write("manifests/sidecar-network-policy.yaml", network)
write("policies/validating-admission-policy.yaml", only(default, *validating))
write("policies/mutating-admission-policy.v1.yaml", [NAMESPACE, *v1])
write("policies/mutating-admission-policy.v1beta1.yaml", [NAMESPACE, *v1beta1])

write("kustomize/base/install.yaml", [NAMESPACE, *without(default, "ConfigMap")])
settings = one(default, "ConfigMap")["data"]["defaults.yaml"]
write("kustomize/base/defaults.yaml", [settings])
deployment = one(high, "Deployment")
write_patch("kustomize/overlays/ha/deployment.yaml", deployment, spec={"$patch": "replace", **deployment["spec"]})
deployment, configuration, role = (one(managed, k) for k in ["Deployment", "MutatingWebhookConfiguration", "ClusterRole"])
write("kustomize/overlays/cert-manager/certificates.yaml", certificates)
write_patch("kustomize/overlays/cert-manager/deployment.yaml", deployment, spec={"$patch": "replace", **deployment["spec"]})
annotations = {"annotations": configuration["metadata"]["annotations"]}
write_patch("kustomize/overlays/cert-manager/configuration.yaml", configuration, metadata=annotations)
write_patch("kustomize/overlays/cert-manager/clusterrole.yaml", role, rules=role["rules"])
write("kustomize/overlays/lease-rbac/leases.yaml", leases)
write("kustomize/overlays/no-webhook/policies.yaml", [NAMESPACE, *without(v1, "ConfigMap")])
literals = one(v1, "ConfigMap")["data"]
write("kustomize/overlays/no-webhook/defaults.env", ["".join(f"{key}={value}\n" for key, value in literals.items())])
