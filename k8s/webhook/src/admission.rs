//! AdmissionReview v1, from bytes to bytes. Pure.

use crate::decision::Decision;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use kube::core::{
    DynamicObject,
    admission::{AdmissionReview, META_API_VERSION_V1, META_KIND, Operation},
};
use serde_json::{Value, json};

/// What is asked of us.
#[derive(Clone, Debug, PartialEq)]
pub struct Review {
    /// The review's id, which the answer repeats.
    pub uid: String,
    /// The namespace the pod will be in; its own metadata may not say so yet.
    pub namespace: String,
    /// Nothing will be kept of the pod, so nothing may be told of it either.
    pub dry_run: bool,
    /// The pod; None: not something to inject into, see `ignored`.
    pub subject: Subject,
}

/// What the review is about.
#[derive(Clone, Debug, PartialEq)]
pub enum Subject {
    /// A pod that is to be created, as it came: fields that we do not know are kept.
    Pod(Value),
    /// Anything else, which the configuration's rules should not have sent; the text says what came.
    Other(String),
}

/// Why a body is no review.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadReview {
    /// Not JSON.
    #[error("the body is not JSON: {0}")]
    Json(String),
    /// JSON, but something else.
    #[error("the body is {kind:?} of {api_version:?}, not an {META_KIND} of {META_API_VERSION_V1}")]
    Kind {
        /// What came.
        api_version: String,
        /// What came.
        kind: String,
    },
    /// A review that does not have what a review has.
    #[error("the AdmissionReview cannot be read: {0}")]
    Form(String),
    /// An answer, or nothing.
    #[error("the AdmissionReview has no request")]
    NoRequest,
    /// A pod that is to be created, without the pod.
    #[error("the AdmissionReview's request has no {0}")]
    Missing(&'static str),
}

/// Reads a review.
///
/// # Errors
/// If the body is none.
pub fn parse(body: &[u8]) -> Result<Review, BadReview> {
    let mut value: Value =
        serde_json::from_slice(body).map_err(|error| BadReview::Json(error.to_string()))?;
    let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (api_version, kind) = (text("apiVersion"), text("kind"));
    if api_version != META_API_VERSION_V1 || kind != META_KIND {
        return Err(BadReview::Kind { api_version, kind });
    }
    // Out of the review before its types see it: they would drop what they do not know.
    let object = value.pointer_mut("/request/object").map(Value::take).filter(|object| !object.is_null());
    let review: AdmissionReview<DynamicObject> =
        serde_json::from_value(value).map_err(|error| BadReview::Form(error.to_string()))?;
    let request = review.request.ok_or(BadReview::NoRequest)?;
    let resource = &request.resource;
    let ours = resource.group.is_empty()
        && resource.version == "v1"
        && resource.resource == "pods"
        && request.sub_resource.as_deref().unwrap_or_default().is_empty()
        && request.operation == Operation::Create;
    let subject = if ours {
        Subject::Pod(object.ok_or(BadReview::Missing("object"))?)
    } else {
        let parts = [&resource.group, &resource.version, &resource.resource];
        let parts: Vec<&str> =
            parts.into_iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
        let sub = request.sub_resource.map(|sub| format!("/{sub}")).unwrap_or_default();
        Subject::Other(format!("{:?} of {}{sub}", request.operation, parts.join("/")))
    };
    let namespace = request.namespace.unwrap_or_default();
    if matches!(subject, Subject::Pod(_)) && namespace.is_empty() {
        return Err(BadReview::Missing("namespace"));
    }
    Ok(Review { uid: request.uid, namespace, dry_run: request.dry_run, subject })
}

/// The answer to a review of a pod.
pub fn answer(uid: &str, decision: &Decision) -> Value {
    match decision {
        Decision::Patch(patch) => allowed(uid, Some(&patch.operations), &patch.warnings),
        Decision::Skip(skip) => {
            let warning = skip.text();
            allowed(uid, skip.mark.as_ref(), warning.as_slice())
        }
        Decision::Deny(texts) => review(json!({
            "uid": uid,
            "allowed": false,
            "status": { "code": 403, "reason": "Forbidden", "message": texts.join("; ") },
        })),
    }
}

/// The answer to a review of something else.
pub fn answer_to_other(uid: &str, what: &str) -> Value {
    let text =
        format!("sidecommit's webhook was asked about {what}: its rules should name CREATE of pods only");
    allowed(uid, None, &[text])
}

fn allowed(uid: &str, operations: Option<&Value>, warnings: &[String]) -> Value {
    let mut response = json!({ "uid": uid, "allowed": true });
    if let Some(operations) = operations {
        response["patchType"] = json!("JSONPatch");
        // kube's AdmissionResponse writes the patch's bytes as an array of numbers, four times as long.
        response["patch"] = json!(STANDARD.encode(operations.to_string()));
    }
    if !warnings.is_empty() {
        response["warnings"] = json!(warnings);
    }
    review(response)
}

fn review(response: Value) -> Value {
    json!({ "apiVersion": META_API_VERSION_V1, "kind": META_KIND, "response": response })
}

#[cfg(test)]
#[path = "admission/tests.rs"]
mod tests;
