use super::*;
use crate::{
    certs::{bundle, trust},
    fake_api::FakeApi,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;

const POLL: Duration = Duration::from_secs(10);
const SECRET: &str = "/api/v1/namespaces/kube-sidecommit/secrets/certs";
const CONFIGURATION: &str = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/injector";

struct Cluster {
    api: FakeApi,
    now: Timestamp,
}

fn plan() -> Plan {
    Plan {
        names: vec!["injector.kube-sidecommit.svc".to_owned()],
        authority_life: Duration::from_secs(1000),
        leaf_life: Duration::from_secs(300),
    }
}

fn keeper(api: &FakeApi) -> Keeper {
    let place = Place {
        namespace: "kube-sidecommit".to_owned(),
        secret: "certs".to_owned(),
        configuration: "injector".to_owned(),
    };
    Keeper::new(api.client(), &place, plan(), POLL, Serving::default(), Metrics::new())
}

// === impl Cluster ===

impl Cluster {
    fn new() -> Self {
        let cluster = Self { api: FakeApi::default(), now: "2026-01-01T00:00:00Z".parse().unwrap() };
        cluster.configure();
        cluster
    }

    /// As the chart does: without a caBundle.
    fn configure(&self) {
        let webhook = |name: &str| {
            json!({
                "name": name, "sideEffects": "NoneOnDryRun", "admissionReviewVersions": ["v1"],
                "clientConfig": { "service": { "name": "injector", "namespace": "kube-sidecommit" } },
            })
        };
        let webhooks = json!([webhook("pods.sidecommit.dev"), webhook("rev.sidecommit.dev")]);
        self.api.put(CONFIGURATION, json!({ "metadata": { "name": "injector" }, "webhooks": webhooks }));
    }

    fn later(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
    }

    async fn look(&self, keeper: &mut Keeper) -> Look {
        keeper.look(self.now).await.unwrap()
    }

    /// Looks until nothing is to be done.
    async fn settle(&mut self, keepers: &mut [Keeper]) {
        for _ in 0..20 {
            let mut looks = Vec::new();
            for keeper in &mut *keepers {
                looks.push(self.look(keeper).await);
            }
            if looks.iter().all(|look| *look == Look::Settled) {
                return;
            }
            self.later(5);
        }
        panic!("not settled");
    }

    /// Each webhook's bundle.
    fn bundles(&self) -> Vec<Vec<CertificateDer<'static>>> {
        let configuration = self.api.get(CONFIGURATION).unwrap();
        let bundle = |webhook: &serde_json::Value| {
            let pem = STANDARD.decode(webhook["clientConfig"]["caBundle"].as_str().unwrap_or_default());
            bundle::decode(&pem.unwrap())
        };
        configuration["webhooks"].as_array().unwrap().iter().map(bundle).collect()
    }

    /// Whether the API server would accept what the replica serves.
    fn accepted(&self, keeper: &Keeper) -> bool {
        let Some(leaf) = keeper.serving.certificate() else { return true };
        let trusts =
            |authority: &CertificateDer<'_>| trust::verifies(&leaf, authority, &plan().names, self.now);
        self.bundles().iter().all(|bundle| bundle.iter().any(trusts))
    }
}

#[tokio::test]
async fn of_two_that_create_at_once_one_wins_and_both_serve_it() {
    let mut cluster = Cluster::new();
    let (mut a, mut b) = (keeper(&cluster.api), keeper(&cluster.api));
    cluster.api.writers_meet(2);
    let looks = tokio::join!(cluster.look(&mut a), cluster.look(&mut b));
    assert_eq!(looks, (Look::Soon, Look::Soon));
    assert_eq!(cluster.api.take_conflicts(), 1, "both created");
    assert!(!a.serving.is_set() && !b.serving.is_set());

    let mut keepers = [a, b];
    cluster.settle(&mut keepers).await;
    let [a, b] = keepers;
    assert!(a.serving.is_set());
    assert_eq!(a.serving.certificate(), b.serving.certificate());
    assert!(cluster.accepted(&a));
    assert_eq!(cluster.bundles().iter().map(Vec::len).collect::<Vec<_>>(), [1, 1]);
}

#[tokio::test]
async fn nothing_is_served_before_it_is_trusted() {
    let mut cluster = Cluster::new();
    let mut one = keeper(&cluster.api);
    cluster.look(&mut one).await;
    cluster.look(&mut one).await;
    assert_eq!(cluster.bundles()[0].len(), 1, "published");
    assert!(!one.serving.is_set(), "published just now: not every API server may have seen it");
    cluster.look(&mut one).await;
    assert!(!one.serving.is_set(), "it was seen there just now");
    cluster.later(2);
    cluster.look(&mut one).await;
    assert!(one.serving.is_set());
}

#[tokio::test]
async fn of_two_that_renew_at_once_one_wins() {
    let mut cluster = Cluster::new();
    let mut keepers = [keeper(&cluster.api), keeper(&cluster.api)];
    cluster.settle(&mut keepers).await;
    let first = keepers[0].serving.certificate();
    let [mut a, mut b] = keepers;
    cluster.later(200);
    cluster.api.writers_meet(2);
    tokio::join!(cluster.look(&mut a), cluster.look(&mut b));
    assert_eq!(cluster.api.take_conflicts(), 1, "both renewed");
    tokio::join!(cluster.look(&mut a), cluster.look(&mut b));
    assert_ne!(a.serving.certificate(), first);
    assert_eq!(a.serving.certificate(), b.serving.certificate());
}

/// Two replicas through four lives of authorities, one of them cut off from the API for a while now and then, and the
/// Secret deleted twice: at each moment what each serves is what the API server trusts.
#[tokio::test]
async fn no_admission_fails_through_renewals_and_a_deleted_secret() {
    for seed in 0..4 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut cluster = Cluster::new();
        let mut keepers = [keeper(&cluster.api), keeper(&cluster.api)];
        cluster.settle(&mut keepers).await;
        let (mut leaves, mut authorities, mut cut_off) = (Vec::new(), Vec::new(), 0);
        for step in 0..800 {
            cluster.later(5);
            if step % 300 == 299 {
                cluster.api.delete(SECRET);
                cut_off = 0;
            } else if cut_off == 0 && (20..250).contains(&(step % 300)) && random.u32(..20) == 0 {
                // Less than what is left of a leaf when it is renewed, so that it does not expire in its hands. Not just
                // after the Secret was deleted: perhaps its key was stolen, so its authority is dropped soon.
                cut_off = random.u32(2..15);
            }
            let first = random.usize(..2);
            for which in [first, 1 - first] {
                if which == 1 && cut_off > 0 {
                    continue;
                }
                cluster.look(&mut keepers[which]).await;
                for (name, keeper) in keepers.iter().enumerate() {
                    assert!(cluster.accepted(keeper), "seed {seed}, step {step}: replica {name}");
                }
            }
            cut_off = cut_off.saturating_sub(1);
            leaves.extend(keepers[0].serving.certificate().filter(|leaf| !leaves.contains(leaf)));
            for authority in &cluster.bundles()[0] {
                if !authorities.contains(authority) {
                    authorities.push(authority.clone());
                }
            }
        }
        assert!(leaves.len() > 15 && authorities.len() > 5, "{} and {}", leaves.len(), authorities.len());
        assert!(cluster.bundles()[0].len() <= 2, "old ones are dropped");
        assert!(keepers.iter().all(|keeper| keeper.strangers.len() <= 1 && keeper.published.len() <= 2));
    }
}

#[tokio::test]
async fn a_configuration_that_comes_late_or_loses_its_bundle_is_filled() {
    let mut cluster = Cluster::new();
    cluster.api.delete(CONFIGURATION);
    let mut one = keeper(&cluster.api);
    cluster.look(&mut one).await;
    cluster.look(&mut one).await;
    cluster.later(60);
    assert_eq!(cluster.look(&mut one).await, Look::Soon, "somebody will call us soon");
    for _ in 0..2 {
        cluster.configure();
        cluster.look(&mut one).await;
        assert!(cluster.accepted(&one) && one.serving.is_set());
    }
}

#[tokio::test]
async fn a_secret_of_somebody_else_is_left_alone() {
    let cluster = Cluster::new();
    let theirs = json!({ "metadata": { "name": "certs" }, "data": { "password": "aGVsbG8=" } });
    cluster.api.put(SECRET, theirs);
    let error = keeper(&cluster.api).look(cluster.now).await.unwrap_err().to_string();
    assert!(
        error.contains("secret certs has data but not the label") && error.contains("--secret"),
        "{error}"
    );
    assert_eq!(cluster.api.get(SECRET).unwrap()["data"]["password"], "aGVsbG8=");
}

#[tokio::test]
async fn an_empty_secret_is_filled_and_half_of_one_is_mended() {
    let mut cluster = Cluster::new();
    cluster.api.put(SECRET, json!({ "metadata": { "name": "certs", "labels": { "team": "a" } } }));
    let mut keepers = [keeper(&cluster.api)];
    cluster.settle(&mut keepers).await;
    let mut secret = cluster.api.get(SECRET).unwrap();
    assert_eq!(secret["metadata"]["labels"]["team"], "a");
    let before = keepers[0].serving.certificate();
    secret["data"].as_object_mut().unwrap().remove("tls.key");
    cluster.api.put(SECRET, secret);
    cluster.settle(&mut keepers).await;
    assert_ne!(keepers[0].serving.certificate(), before);
    assert!(cluster.accepted(&keepers[0]));
}

#[tokio::test]
async fn while_the_api_is_down_what_was_served_is_served_on() {
    let mut cluster = Cluster::new();
    let mut keepers = [keeper(&cluster.api)];
    cluster.settle(&mut keepers).await;
    let before = keepers[0].serving.certificate();
    cluster.api.set_down(true);
    let error = keepers[0].look(cluster.now).await.unwrap_err().to_string();
    assert!(error.starts_with("secret certs: "), "{error}");
    assert_eq!(keepers[0].serving.certificate(), before);
}
