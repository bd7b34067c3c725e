use super::*;

fn text(value: &str) -> Option<String> {
    Some(value.to_owned())
}

/// A pod of the StatefulSet `orders`, with everything that the chart passes.
fn pod() -> Facts {
    Facts {
        prefix: text("8f2a11bc"),
        namespace: text("shop"),
        pod_name: text("orders-3"),
        pod_uid: text("0b5c2f3e-4d57-4f9b-a1de-0f6a5b7c8d9e"),
        pod_index: text("3"),
        pod_template_hash: text(""),
        host_name: text("orders-3"),
        in_kubernetes: true,
        vouched: false,
        ..Facts::default()
    }
}

fn explicit(slot: &str) -> Facts {
    Facts { slot: text(slot), host_name: text("laptop"), ..Facts::default() }
}

fn slot(facts: &Facts) -> String {
    Identity::of(facts).map(|identity| identity.slot.to_string()).unwrap_or_else(|error| error.to_string())
}

#[test]
fn a_statefulset_pod_is_its_ordinal() {
    let identity = Identity::of(&pod()).unwrap();
    assert_eq!(identity.slot.as_str(), "8f2a11bc/shop/orders/3");
    assert_eq!((identity.prefix.as_str(), identity.kind), ("8f2a11bc", Kind::StatefulSet));
    assert_eq!(identity.pod_uid, "0b5c2f3e-4d57-4f9b-a1de-0f6a5b7c8d9e");
    let by_name = Facts { pod_index: None, ..pod() };
    assert_eq!(slot(&by_name), "8f2a11bc/shop/orders/3");
    let by_index = Facts { pod_name: None, workload: text("orders"), ..pod() };
    assert_eq!(slot(&by_index), "8f2a11bc/shop/orders/3");
    let renamed = Facts { workload: text("checkout"), ..pod() };
    assert_eq!(slot(&renamed), "8f2a11bc/shop/checkout/3");
    let large = Facts { pod_name: text("orders-12345"), pod_index: text("12345"), ..pod() };
    assert_eq!(slot(&large), "8f2a11bc/shop/orders/12345");
}

#[test]
fn an_explicit_identity_is_taken_whole_or_in_parts() {
    assert_eq!(slot(&explicit("p/ns/app/0")), "p/ns/app/0");
    let agreeing = Facts { prefix: text("p"), ..explicit("p/ns/app/0") };
    assert_eq!(slot(&agreeing), "p/ns/app/0");
    let parts = Facts { workload: text("app"), ordinal: text("7"), ..Facts::default() };
    assert_eq!(slot(&parts), "local/default/app/7");
    assert_eq!(Identity::of(&parts).unwrap().kind, Kind::Explicit);
    let uid_of_a_cluster = "0b5c2f3e-4d57-4f9b-a1de-0f6a5b7c8d9e/shop/app/0";
    assert_eq!(slot(&explicit(uid_of_a_cluster)), uid_of_a_cluster);
    let deployment_of_one = Facts {
        pod_template_hash: text("7c9d8b6f5d"),
        slot: text("p/shop/orders/0"),
        prefix: text("p"),
        ..pod()
    };
    assert_eq!(slot(&deployment_of_one), "p/shop/orders/0");
}

#[test]
fn the_pod_uid_is_the_machine_outside_kubernetes() {
    assert_eq!(Identity::of(&explicit("p/ns/app/0")).unwrap().pod_uid, "host:laptop");
    let given = Facts { pod_uid: text("a"), ..explicit("p/ns/app/0") };
    assert_eq!(Identity::of(&given).unwrap().pod_uid, "a");
}

#[test]
fn what_is_required_is_named() {
    for (facts, setting) in [
        (Facts::default(), "slot"),
        (Facts { prefix: None, ..pod() }, "prefix"),
        (Facts { namespace: text(""), ..pod() }, "namespace"),
        (Facts { pod_uid: None, ..pod() }, "pod_uid"),
        (Facts { pod_name: None, pod_index: None, ..pod() }, "slot"),
        (Facts { workload: text("app"), ..Facts::default() }, "slot"),
    ] {
        assert!(
            matches!(Identity::of(&facts), Err(Error::Missing { setting: s, .. }) if s == setting),
            "{facts:?}: {}",
            slot(&facts)
        );
    }
}

#[test]
fn malformed_parts_are_named() {
    for (facts, setting, value) in [
        (explicit("p/ns/app"), "slot", "p/ns/app"),
        (explicit("p/ns/app/0/1"), "slot", "p/ns/app/0/1"),
        (explicit("p/ns/ap p/0"), "slot", "p/ns/ap p/0"),
        (explicit("p/ns/app/00"), "slot", "p/ns/app/00"),
        (explicit("p/ns/app/one"), "slot", "p/ns/app/one"),
        (Facts { prefix: text("a/b"), ..pod() }, "prefix", "a/b"),
        (Facts { prefix: text("ü"), ..pod() }, "prefix", "ü"),
        (Facts { workload: text("a#b"), ..pod() }, "workload", "a#b"),
        (Facts { ordinal: text("-1"), ..pod() }, "ordinal", "-1"),
        (Facts { pod_index: text("x"), ..pod() }, "pod_index", "x"),
    ] {
        assert!(
            matches!(Identity::of(&facts), Err(Error::Malformed { setting: s, value: ref v, .. })
                if s == setting && v == value),
            "{facts:?}: {}",
            slot(&facts)
        );
    }
    let long = "x".repeat(64);
    assert!(Identity::of(&Facts { prefix: Some(long), ..pod() }).is_err());
}

#[test]
fn contradictions_are_named() {
    for (facts, setting) in [
        (Facts { prefix: text("q"), ..explicit("p/ns/app/0") }, "prefix"),
        (Facts { ordinal: text("1"), ..explicit("p/ns/app/0") }, "ordinal"),
        (Facts { pod_index: text("4"), ..pod() }, "pod_name"),
    ] {
        assert!(
            matches!(Identity::of(&facts), Err(Error::Contradiction { setting: s, .. }) if s == setting),
            "{facts:?}"
        );
    }
}

#[test]
fn an_identity_that_does_not_last_is_refused() {
    use Instability as I;
    let deployment = || Facts { pod_index: None, pod_name: text("orders-7c9d8b6f5d-x2k4z"), ..pod() };
    let digits = || Facts { pod_index: None, pod_name: text("orders-24567"), ..pod() };
    let own = |part: &str| Facts { workload: text(part), ordinal: text("0"), ..pod() };
    for (facts, setting, instability) in [
        (deployment(), "pod_name", I::DeploymentPod),
        (
            Facts { pod_template_hash: text("7c9d8b6f5d"), pod_index: None, ..pod() },
            "pod_name",
            I::DeploymentPod,
        ),
        (Facts { workload: text("orders-7c9d8b6f5d-x2k4z"), ..pod() }, "workload", I::DeploymentPod),
        (
            Facts { pod_template_hash: text("5d"), ordinal: text("0"), workload: text("orders-5d"), ..pod() },
            "workload",
            I::DeploymentPod,
        ),
        (digits(), "pod_name", I::PodName),
        (Facts { pod_index: None, pod_name: text("agent-x7k2p"), ..pod() }, "pod_name", I::PodName),
        (Facts { pod_name: text("agent-x7k2p"), ..own("agent-x7k2p") }, "workload", I::PodName),
        (
            Facts { pod_name: None, host_name: text("agent-x7k2p"), ..own("agent-x7k2p") },
            "workload",
            I::PodName,
        ),
        (own("10-244-0-7"), "workload", I::Address),
        (own("fe80::1"), "workload", I::Address),
        (own("0b5c2f3e-4d57-4f9b-a1de-0f6a5b7c8d9e"), "workload", I::Uid),
        (Facts { namespace: text("0b5c2f3e-4d57-4f9b-a1de-0f6a5b7c8d9e"), ..pod() }, "namespace", I::Uid),
        (Facts { ordinal: text("0b5c2f3e-4d57-4f9b-a1de-0f6a5b7c8d9e"), ..pod() }, "ordinal", I::Uid),
        (Facts { prefix: text("10.0.0.7"), ..pod() }, "prefix", I::Address),
        (explicit("p/ns/3f4e5d6c7b8a/0"), "slot", I::Hex),
        (explicit("p/ns/app/10.244.0.7"), "slot", I::Address),
        (explicit("10.244.0.7"), "slot", I::Address),
    ] {
        match Identity::of(&facts) {
            Err(Error::Unstable { setting: s, instability: i, .. }) => {
                assert_eq!((s, i), (setting, instability), "{facts:?}");
            }
            other => panic!("{facts:?}: {other:?}"),
        }
    }
}

#[test]
fn the_refusal_says_why_and_what_to_use() {
    let facts = Facts { pod_index: None, pod_name: text("orders-7c9d8b6f5d-x2k4z"), ..pod() };
    let message = slot(&facts);
    for part in ["pod_name", "orders-7c9d8b6f5d-x2k4z", "zombie", "never fenced", "StatefulSet", "pod_index"]
    {
        assert!(message.contains(part), "{part} in {message}");
    }
}

/// A pod of the Deployment `orders`, with everything that injection passes.
fn deployed() -> Facts {
    Facts {
        pod_name: text("orders-7c9d8b6f5d-x2k4z"),
        pod_template_hash: text("7c9d8b6f5d"),
        pod_index: text(""),
        workload: text("orders"),
        ..pod()
    }
}

#[test]
fn a_lease_gives_a_deployments_pod_its_ordinal() {
    let identity = Identity::of_lease(&deployed(), 7).unwrap();
    assert_eq!(identity.slot.as_str(), "8f2a11bc/shop/orders/7");
    assert_eq!((identity.prefix.as_str(), identity.kind), ("8f2a11bc", Kind::Lease));
    assert_eq!(identity.pod_uid, "0b5c2f3e-4d57-4f9b-a1de-0f6a5b7c8d9e");
    assert!(Identity::of(&deployed()).is_err());
}

#[test]
fn beside_a_lease_nothing_else_gives_an_ordinal_and_nothing_is_missing() {
    for (facts, setting) in [
        (Facts { slot: text("8f2a11bc/shop/orders/1"), ..deployed() }, "slot: \"8f2a11bc/shop/orders/1\""),
        (Facts { ordinal: text("1"), ..deployed() }, "ordinal: \"1\""),
        (Facts { pod_index: text("1"), ..deployed() }, "pod_index: \"1\""),
        (Facts { workload: None, ..deployed() }, "workload: not set"),
        (Facts { prefix: None, ..deployed() }, "prefix: not set"),
        (Facts { namespace: None, ..deployed() }, "namespace: not set"),
        (Facts { pod_uid: None, ..deployed() }, "pod_uid: not set"),
        (Facts { workload: text("orders-7c9d8b6f5d"), ..deployed() }, "workload: \"orders-7c9d8b6f5d\""),
        (Facts { workload: text("a/b"), ..deployed() }, "workload: \"a/b\""),
    ] {
        let error = Identity::of_lease(&facts, 0).expect_err(setting).to_string();
        assert!(error.starts_with(setting), "{error}");
    }
}

#[test]
fn a_bare_pods_workload_may_be_its_name_if_somebody_vouches_for_it() {
    let bare = Facts { pod_name: text("importer"), workload: text("importer"), ordinal: text("0"), ..pod() };
    let bare = Facts { pod_index: None, ..bare };
    assert!(Identity::of(&bare).unwrap_err().to_string().starts_with("workload: \"importer\""));
    let vouched = Facts { vouched: true, ..bare };
    assert!(Identity::of(&vouched).unwrap().slot.as_str().ends_with("/importer/0"));
    let without = Facts { ordinal: None, ..vouched.clone() };
    assert!(Identity::of(&without).unwrap_err().to_string().starts_with("ordinal: not set"));
    let generated = Facts { workload: text("orders-7c9d8b6f5d-x2x4z"), ..vouched };
    assert!(Identity::of(&generated).is_err(), "a generated name is refused all the same");
}
