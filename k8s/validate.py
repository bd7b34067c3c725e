"""Checks manifests against the API's own schemas, strictly, for several versions of Kubernetes. Usage: validate.py FILE..."""

import sys

import kubernetes_validate
import yaml

VERSIONS = ["1.32", "1.33", "1.34"]
# Kinds that these versions do not all have, and those that do.
YOUNGER = {
    ("admissionregistration.k8s.io/v1beta1", "MutatingAdmissionPolicy"): ["1.34", "1.35"],
    ("admissionregistration.k8s.io/v1beta1", "MutatingAdmissionPolicyBinding"): ["1.34", "1.35"],
    ("admissionregistration.k8s.io/v1", "MutatingAdmissionPolicy"): ["1.36", "1.37"],
    ("admissionregistration.k8s.io/v1", "MutatingAdmissionPolicyBinding"): ["1.36", "1.37"],
}
# Other people's resources: no schema of Kubernetes has them.
FOREIGN = ("cert-manager.io/", "monitoring.coreos.com/")


def problems(path):
    """Yields what is wrong with a file, and counts what was looked at."""
    with open(path) as file:
        documents = [document for document in yaml.safe_load_all(file) if document]
    if not documents:
        yield "has no manifest"
    for document in documents:
        group, kind = document.get("apiVersion", ""), document.get("kind", "")
        if group.startswith(FOREIGN):
            continue
        for version in YOUNGER.get((group, kind), VERSIONS):
            try:
                kubernetes_validate.validate(document, version, strict=True)
            except Exception as error:  # its kinds of errors have no common class
                name = document.get("metadata", {}).get("name")
                yield f"{kind} {name} is not valid for {version}: {getattr(error, 'message', None) or repr(error)}"


failed = False
for path in sys.argv[1:]:
    for problem in problems(path):
        failed = True
        print(f"{path}: {problem}", file=sys.stderr)
if failed:
    sys.exit(1)
print(f"{len(sys.argv) - 1} files are valid for {', '.join(VERSIONS)}")
