//! As much of the API server as the webhook uses: objects by path, resourceVersions, conflicts. For races that a real one
//! would show once in a hundred runs.

use axum::{
    body::Body,
    http::{Method, Request, Response, StatusCode},
};
use kube::Client;
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::{collections::BTreeMap, convert::Infallible, sync::Arc};
use tokio::sync::Barrier;

/// An API server. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct FakeApi(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    objects: BTreeMap<String, Value>,
    version: u64,
    meeting: Option<Arc<Barrier>>,
    conflicts: usize,
    down: bool,
}

type Answer = Result<Value, (StatusCode, &'static str)>;

const CONFLICT: (StatusCode, &str) = (StatusCode::CONFLICT, "Conflict");
const NOT_FOUND: (StatusCode, &str) = (StatusCode::NOT_FOUND, "NotFound");

// === impl FakeApi ===

impl FakeApi {
    pub(crate) fn client(&self) -> Client {
        let api = self.clone();
        let service = tower::service_fn(move |request: Request<kube::client::Body>| {
            let api = api.clone();
            async move { Ok::<_, Infallible>(api.answer(request).await) }
        });
        Client::new(service, "default")
    }

    /// Puts an object, as an administrator would.
    pub(crate) fn put(&self, path: &str, object: Value) {
        self.0.lock().store(path, object);
    }

    pub(crate) fn get(&self, path: &str) -> Option<Value> {
        self.0.lock().objects.get(path).cloned()
    }

    pub(crate) fn delete(&self, path: &str) {
        self.0.lock().objects.remove(path);
    }

    /// Everything under a path.
    pub(crate) fn list(&self, under: &str) -> Vec<Value> {
        let state = self.0.lock();
        state
            .objects
            .iter()
            .filter(|(path, _)| path.starts_with(under))
            .map(|(_, object)| object.clone())
            .collect()
    }

    /// The next so many writes of Secrets wait for each other, so that all have read the same before.
    pub(crate) fn writers_meet(&self, writers: usize) {
        self.0.lock().meeting = Some(Arc::new(Barrier::new(writers)));
    }

    /// How many writes came second; counts from anew.
    pub(crate) fn take_conflicts(&self) -> usize {
        std::mem::take(&mut self.0.lock().conflicts)
    }

    /// Answers everything with 503, or not any more.
    pub(crate) fn set_down(&self, down: bool) {
        self.0.lock().down = down;
    }

    async fn answer(&self, request: Request<kube::client::Body>) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path().to_owned();
        let body = body.collect_bytes().await.unwrap();
        let body: Value = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap() };
        let meeting = self.0.lock().meeting.clone();
        if let Some(meeting) = meeting
            && parts.method != Method::GET
            && path.contains("/secrets")
        {
            meeting.wait().await;
            self.0.lock().meeting = None;
        }
        let (code, answer) = match self.0.lock().act(&parts.method, &path, body) {
            Ok(object) => (StatusCode::OK, object),
            Err((code, reason)) => {
                let status = json!({
                    "apiVersion": "v1", "kind": "Status", "status": "Failure", "metadata": {},
                    "message": reason, "reason": reason, "code": code.as_u16(),
                });
                (code, status)
            }
        };
        Response::builder().status(code).body(Body::from(answer.to_string())).unwrap()
    }
}

// === impl State ===

impl State {
    fn act(&mut self, method: &Method, path: &str, body: Value) -> Answer {
        if self.down {
            return Err((StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable"));
        }
        let answer = match method.as_str() {
            "GET" => self.objects.get(path).cloned().ok_or(NOT_FOUND),
            "POST" => self.create(path, body),
            "PUT" => self.current(path, &body).map(|_| self.store(path, body)),
            "PATCH" => self.current(path, &body).map(|mut object| {
                merge(&mut object, &body);
                self.store(path, object)
            }),
            other => panic!("{other} {path}"),
        };
        self.conflicts += usize::from(matches!(answer, Err(CONFLICT)));
        answer
    }

    fn create(&mut self, collection: &str, mut object: Value) -> Answer {
        let name = match object["metadata"]["name"].as_str() {
            Some(name) => name.to_owned(),
            None => format!("{}{}", object["metadata"]["generateName"].as_str().unwrap(), self.version),
        };
        object["metadata"]["name"] = json!(name);
        let path = format!("{collection}/{name}");
        if self.objects.contains_key(&path) { Err(CONFLICT) } else { Ok(self.store(&path, object)) }
    }

    /// What is there, if the writer knew it.
    fn current(&self, path: &str, body: &Value) -> Answer {
        let object = self.objects.get(path).ok_or(NOT_FOUND)?;
        let version = |object: &Value| object["metadata"]["resourceVersion"].clone();
        if version(object) == version(body) { Ok(object.clone()) } else { Err(CONFLICT) }
    }

    fn store(&mut self, path: &str, mut object: Value) -> Value {
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        self.objects.insert(path.to_owned(), object.clone());
        object
    }
}

/// A strategic merge: maps by key, lists of named things by name.
fn merge(target: &mut Value, patch: &Value) {
    match (target, patch) {
        (Value::Object(target), Value::Object(patch)) => {
            for (key, value) in patch {
                merge(target.entry(key).or_insert(Value::Null), value);
            }
        }
        (Value::Array(target), Value::Array(patch)) => {
            for item in patch {
                match target.iter_mut().find(|one| one["name"] == item["name"]) {
                    Some(one) => merge(one, item),
                    None => target.push(item.clone()),
                }
            }
        }
        (target, patch) => *target = patch.clone(),
    }
}
