//! The sidecar on a broker's listener that wants TLS and SASL; readers use the open one.

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, header::CONTENT_TYPE},
    response::IntoResponse,
    routing::post,
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::json;
use sidecommit_e2e::{Spec, eventually, record, unique};
use sidecommit_fixture::{Kafka, Secured};
use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};
use tokio::net::TcpListener;

fn broker() -> (&'static Kafka, &'static Secured) {
    static BROKER: OnceLock<Kafka> = OnceLock::new();
    let kafka = BROKER.get_or_init(|| Kafka::builder().secured().start().expect("a broker with TLS starts"));
    (kafka, kafka.secured().expect("was asked for"))
}

/// A sidecar's settings for the secured listener.
fn spec(mechanism: &str) -> Spec {
    let (_, secured) = broker();
    Spec::new(&secured.bootstrap)
        .set("kafka.security.protocol", "SASL_SSL")
        .set("kafka.ssl.ca.location", &secured.ca.display().to_string())
        .set("kafka.sasl.mechanism", mechanism)
}

fn with_password(mechanism: &str, password: &str) -> Spec {
    spec(mechanism).set("kafka.sasl.username", Secured::USER).set("kafka.sasl.password", password)
}

/// A transaction goes through, and the sidecar says no word of the secret.
async fn works(spec: &Spec, secret: &str) {
    let (kafka, _) = broker();
    let topic = unique("topic");
    kafka.create_topic(&topic, 1, &[]).expect("the topic can be made");
    let sidecar = spec.serve().await;
    sidecar.app().run("over TLS", vec![record(&topic, "k", "v")]).await.expect("commits");
    assert_eq!(kafka.read_committed(&topic).expect("can be read").len(), 1);
    assert!(!sidecar.log().contains(secret), "a secret is in the log:\n{}", sidecar.log());
}

#[tokio::test]
async fn plain_over_tls() {
    works(&with_password("PLAIN", Secured::PASSWORD), Secured::PASSWORD).await;
}

#[tokio::test]
async fn scram_over_tls() {
    works(&with_password("SCRAM-SHA-512", Secured::PASSWORD), Secured::PASSWORD).await;
}

#[tokio::test]
async fn oauthbearer_takes_its_tokens_from_an_openid_provider() {
    let (secret, provider) = ("openid-secret", Provider::start().await);
    let spec = spec("OAUTHBEARER")
        .set("kafka.sasl.oauthbearer.method", "oidc")
        .set("kafka.sasl.oauthbearer.client.id", Secured::USER)
        .set("kafka.sasl.oauthbearer.client.secret", secret)
        .set("kafka.sasl.oauthbearer.token.endpoint.url", &provider.url);
    works(&spec, secret).await;
    assert!(provider.asked.load(Ordering::Relaxed) > 0);
}

#[tokio::test]
async fn a_wrong_password_is_named_and_the_sidecar_waits_for_a_right_one() {
    let why = "the password is wrong";
    let mut sidecar = with_password("SCRAM-SHA-512", "wrong-secret")
        .expects("WARN librdkafka: .. SASL authentication error: Authentication failed", why)
        .expects("WARN .. waiting for Kafka error=reading the cluster id: no answer from Kafka", why)
        .start();
    eventually("it says why it cannot connect", 60, async || {
        sidecar.log().to_ascii_lowercase().contains("authentication failed")
    })
    .await;
    assert!(!sidecar.has_ended() && !sidecar.log().contains("wrong-secret"), "{}", sidecar.log());
}

/// An OpenID provider's token endpoint. Its tokens are unsigned: the broker takes them as they are.
struct Provider {
    url: String,
    asked: Arc<AtomicUsize>,
}

// === impl Provider ===

impl Provider {
    async fn start() -> Self {
        let asked = Arc::new(AtomicUsize::new(0));
        let router = Router::new().route("/token", post(token)).with_state(asked.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/token", listener.local_addr().expect("is bound"));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, asked }
    }
}

async fn token(State(asked): State<Arc<AtomicUsize>>, headers: HeaderMap) -> impl IntoResponse {
    asked.fetch_add(1, Ordering::Relaxed);
    assert!(headers.contains_key("authorization"), "the client names itself");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let part = |value: serde_json::Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let header = part(json!({"alg": "none", "typ": "JWT"}));
    let claims = part(json!({"sub": Secured::USER, "iat": now, "exp": now + 600}));
    let token =
        json!({"access_token": format!("{header}.{claims}."), "token_type": "bearer", "expires_in": 600});
    ([(CONTENT_TYPE, "application/json")], token.to_string())
}
