//! What holds for every pod: a second injection changes nothing, uninject gives the pod back, the operations make the result.
#![allow(clippy::unwrap_used)] // a panic is how a test fails

use proptest::{collection::vec, option, prelude::*, sample::select};
use serde_json::{Map, Value, json};
use sidecommit_inject::{Defaults, Kind, NamespaceMeta, Outcome, Patched, Skip, Subject, inject, uninject};

const EVICT: &str = "cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes";

/// A field that is missing, null, or there.
fn field(
    name: &'static str,
    there: impl Strategy<Value = Value> + 'static,
) -> BoxedStrategy<Map<String, Value>> {
    let with = move |value| [(name.to_owned(), value)].into_iter().collect::<Map<_, _>>();
    prop_oneof![Just(Map::new()), Just(with(Value::Null)), there.prop_map(with),].boxed()
}

fn merged(parts: impl IntoIterator<Item = Map<String, Value>>) -> Value {
    Value::Object(parts.into_iter().flatten().collect())
}

fn container(name: String) -> BoxedStrategy<Value> {
    let env = vec(select(vec!["A", "B", "SIDECOMMIT_ADDRESS", "SIDECOMMIT_INJECTED"]), 0..3)
        .prop_map(|names| names.iter().map(|name| json!({"name": name, "value": "x"})).collect());
    let mounts = vec(select(vec!["/data", "/run", "/run/sidecommit-other"]), 0..3)
        .prop_map(|paths| paths.iter().map(|path| json!({"name": "data", "mountPath": path})).collect());
    let fixed: Map<String, Value> =
        [("name".to_owned(), json!(name)), ("image".to_owned(), json!("example.com/app:1"))]
            .into_iter()
            .collect();
    (
        field("env", env),
        field("volumeMounts", mounts),
        field("unknownField", any::<i32>().prop_map(Value::from)),
    )
        .prop_map(move |(env, mounts, other)| merged([fixed.clone(), env, mounts, other]))
        .boxed()
}

fn overriding() -> BoxedStrategy<Value> {
    let limits = json!({"limits": {"cpu": "2"}});
    let env =
        json!([{"name": "HTTP_PROXY", "value": "p"}, {"name": "SIDECOMMIT_LIMITS_QUEUE", "value": "9"}]);
    let token = json!([{"name": "kube-api", "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"}]);
    (
        field("resources", Just(limits)),
        field("env", Just(env)),
        field("volumeMounts", Just(token)),
        field(
            "startupProbe",
            select(vec![json!({"failureThreshold": 9}), json!({"tcpSocket": {"port": 1}})]),
        ),
    )
        .prop_map(|(resources, env, mounts, probe)| {
            let fixed = [("name".to_owned(), json!("sidecommit")), ("image".to_owned(), json!("auto"))];
            merged([fixed.into_iter().collect(), resources, env, mounts, probe])
        })
        .boxed()
}

/// Containers of these names in a random order, perhaps with overrides among them.
fn containers(names: &'static [&'static str], least: usize, overrides: bool) -> BoxedStrategy<Value> {
    let names = proptest::sample::subsequence(names.to_vec(), least..=names.len()).prop_shuffle();
    let all = names
        .prop_flat_map(|names| names.into_iter().map(|name| container(name.to_owned())).collect::<Vec<_>>());
    (
        all,
        if overrides { option::of(overriding()).boxed() } else { Just(None).boxed() },
        any::<prop::sample::Index>(),
    )
        .prop_map(|(mut all, overriding, place)| {
            let place = place.index(all.len() + 1);
            all.splice(place..place, overriding);
            Value::Array(all)
        })
        .boxed()
}

fn annotations() -> BoxedStrategy<Value> {
    let lines: Vec<(&str, Vec<&str>)> = vec![
        ("sidecommit.dev/native-sidecar", vec!["true", "false", "auto"]),
        ("sidecommit.dev/container-names", vec!["app", "migrate,app"]),
        ("sidecommit.dev/init-containers-before", vec!["migrate", "migrate,certs"]),
        ("sidecommit.dev/kafka-ca-secret", vec!["ca"]),
        ("sidecommit.dev/metrics-port", vec!["0", "9000"]),
        ("sidecommit.dev/journal", vec!["claim:data", "emptyDir"]),
        ("sidecommit.dev/settle-scale-down", vec!["false"]),
        (
            EVICT,
            vec![
                "",
                "data",
                "data, sidecommit-admin",
                "sidecommit-journal,sidecommit-socket,sidecommit-admin",
            ],
        ),
        ("other/annotation", vec!["x"]),
    ];
    let some = lines.into_iter().map(|(key, values)| {
        option::of(select(values)).prop_map(move |value| value.map(|value| (key.to_owned(), json!(value))))
    });
    some.collect::<Vec<_>>().prop_map(|all| Value::Object(all.into_iter().flatten().collect())).boxed()
}

fn pod() -> BoxedStrategy<Value> {
    let app = &["app", "helper", "istio-proxy", "daprd"];
    let init = &["migrate", "certs", "istio-init", "linkerd-proxy", "istio-validation"];
    let volumes = vec(Just(json!({"name": "data", "emptyDir": {}})), 1..2).prop_map(Value::Array);
    // Overrides are in one of the lists.
    any::<bool>()
        .prop_flat_map(move |first| {
            (
                containers(app, 1, first),
                field("initContainers", containers(init, 0, !first)),
                field("volumes", volumes.clone()),
                field("annotations", annotations()),
            )
        })
        .prop_map(|(containers, init, volumes, annotations)| {
            let labels = json!({"sidecommit.dev/inject": "true"});
            let metadata = merged([[("labels".to_owned(), labels)].into_iter().collect(), annotations]);
            let spec = merged([[("containers".to_owned(), containers)].into_iter().collect(), init, volumes]);
            json!({"metadata": metadata, "spec": spec})
        })
        .boxed()
}

fn subject(template: Value, kind: Kind) -> Subject {
    Subject { template, kind, name: Some("orders".to_owned()), replicas: None, claims: Vec::new() }
}

fn kinds() -> impl Strategy<Value = Kind> {
    select(vec![Kind::StatefulSet, Kind::Deployment, Kind::Pod])
}

fn defaults(servers: &str, image: &str) -> Defaults {
    let value = json!({"bootstrapServers": servers, "transactionalIdPrefix": "test", "image": image});
    Defaults::from_value(&value).unwrap()
}

fn outcome(pod: &Value, kind: &Kind, defaults: &Defaults) -> Outcome {
    inject(&subject(pod.clone(), kind.clone()), &NamespaceMeta::default(), defaults)
}

/// Of a pod that can be injected.
fn patched(pod: &Value, kind: &Kind, defaults: &Defaults) -> Option<Patched> {
    match outcome(pod, kind, defaults) {
        Outcome::Patch(patched) => Some(patched),
        // The one thing in these pods that does not fit.
        Outcome::Denial(complaints) => {
            assert!(
                complaints
                    .iter()
                    .all(|c| c.key == "sidecommit.dev/journal" || c.key.ends_with("container-names")),
                "{complaints:?}"
            );
            None
        }
        skip @ Outcome::Skip(_) => panic!("{skip:?}"),
    }
}

/// What a mesh's webhook and the API server do to a pod after us.
fn others_come_by(pod: &mut Value) {
    let spec = pod["spec"].as_object_mut().unwrap();
    for list in ["containers", "initContainers"] {
        for container in spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            let container = container.as_object_mut().unwrap();
            let mounts = container.entry("volumeMounts").or_insert(Value::Null);
            let mut items = mounts.as_array().cloned().unwrap_or_default();
            items.push(json!({"name": "theirs", "mountPath": "/theirs"}));
            *mounts = Value::Array(items);
            container.insert("terminationMessagePath".to_owned(), json!("/dev/termination-log"));
        }
    }
    let init = spec.entry("initContainers").or_insert_with(|| json!([]));
    if init.is_null() {
        *init = json!([]);
    }
    init.as_array_mut().unwrap().insert(0, json!({"name": "kuma-init", "image": "kuma"}));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_second_injection_changes_nothing(pod in pod(), kind in kinds()) {
        let defaults = defaults("kafka:9092", "sidecommit:1");
        if let Some(once) = patched(&pod, &kind, &defaults) {
            prop_assert_eq!(outcome(&once.pod, &kind, &defaults), Outcome::Skip(Skip::AlreadyInjected));
        }
    }

    #[test]
    fn uninject_gives_the_pod_back(pod in pod(), kind in kinds()) {
        if let Some(once) = patched(&pod, &kind, &defaults("kafka:9092", "sidecommit:1")) {
            prop_assert_eq!(uninject(&once.pod).unwrap(), Some(pod));
            let sidecars = ["containers", "initContainers"].iter().flat_map(|list| once.pod["spec"][*list].as_array());
            let sidecars = sidecars.flatten().filter(|container| container["name"] == "sidecommit");
            prop_assert_eq!(sidecars.count(), 1);
        }
    }

    #[test]
    fn the_operations_make_the_result(pod in pod(), kind in kinds()) {
        if let Some(once) = patched(&pod, &kind, &defaults("kafka:9092", "sidecommit:1")) {
            let operations: json_patch::Patch = serde_json::from_value(once.operations).unwrap();
            let mut after = pod;
            json_patch::patch(&mut after, &operations).unwrap();
            prop_assert_eq!(after, once.pod);
        }
    }

    #[test]
    fn an_upgrade_is_an_injection_anew(pod in pod(), kind in kinds()) {
        let newer = defaults("other:9092", "sidecommit:2");
        if let Some(once) = patched(&pod, &kind, &defaults("kafka:9092", "sidecommit:1")) {
            let upgraded = patched(&once.pod, &kind, &newer).unwrap();
            prop_assert_eq!(upgraded.pod, patched(&pod, &kind, &newer).unwrap().pod);
        }
    }

    #[test]
    fn what_others_add_is_left_alone(pod in pod(), kind in kinds()) {
        let defaults = defaults("kafka:9092", "sidecommit:1");
        if let Some(once) = patched(&pod, &kind, &defaults) {
            let mut theirs = once.pod;
            others_come_by(&mut theirs);
            prop_assert_eq!(outcome(&theirs, &kind, &defaults), Outcome::Skip(Skip::AlreadyInjected));
            let mut expected = pod;
            others_come_by(&mut expected);
            prop_assert_eq!(uninject(&theirs).unwrap().map(|pod| without_overrides(&pod)), Some(without_overrides(&expected)));
        }
    }

    #[test]
    fn no_value_makes_it_panic(pod in any_value(4)) {
        let defaults = defaults("kafka:9092", "sidecommit:1");
        let labelled = json!({"metadata": {"labels": {"sidecommit.dev/inject": "true"}, "annotations": pod}, "spec": pod});
        for pod in [pod, labelled] {
            for kind in [Kind::Deployment, Kind::Pod] {
                outcome(&pod, &kind, &defaults);
            }
        }
    }
}

/// They were not there when the others came by.
fn without_overrides(pod: &Value) -> Value {
    let mut pod = pod.clone();
    for list in ["containers", "initContainers"] {
        if let Some(list) = pod["spec"].get_mut(list).and_then(Value::as_array_mut) {
            list.retain(|container| container["name"] != "sidecommit");
        }
    }
    pod
}

/// Shapes that no API server would let through.
fn any_value(depth: u32) -> BoxedStrategy<Value> {
    let keys = select(vec![
        "metadata",
        "spec",
        "labels",
        "annotations",
        "containers",
        "initContainers",
        "volumes",
        "name",
        "env",
        "image",
        "volumeMounts",
        "sidecommit.dev/inject",
        "sidecommit.dev/status",
        "sidecommit.dev/env",
        EVICT,
        "ports",
        "securityContext",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        select(vec!["true", "sidecommit", "auto", "", "a", "skipped:host-network"]).prop_map(Value::from),
    ];
    leaf.prop_recursive(depth, 64, 6, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::Array),
            vec((keys.clone(), inner), 0..6).prop_map(|fields| Value::Object(
                fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
            )),
        ]
    })
    .boxed()
}
