use super::*;

const DAY: Duration = Duration::from_secs(86_400);

fn plan() -> Plan {
    let names = vec!["sidecommit.kube-sidecommit.svc".to_owned(), "127.0.0.1".to_owned()];
    Plan { names, authority_life: 360 * DAY, leaf_life: 90 * DAY }
}

fn start() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

fn step(material: &Material, days: u32, published: bool) -> Option<(Material, Change)> {
    material.next(&plan(), start() + days * DAY, published).unwrap()
}

fn first() -> Material {
    Material::new(&plan(), start()).unwrap()
}

#[test]
fn nothing_is_due_in_the_first_two_thirds() {
    let material = first();
    assert_eq!(step(&material, 0, true), None);
    assert_eq!(step(&material, 59, true), None);
}

#[test]
fn a_leaf_is_renewed_at_two_thirds_by_the_same_authority() {
    let material = first();
    let (next, change) = step(&material, 60, true).unwrap();
    assert_eq!(change, Change::Leaf);
    assert_eq!((&next.authority, &next.previous), (&material.authority, &None));
    assert_ne!(next.leaf, material.leaf);
    assert_eq!(next.leaf_issuer(&plan().names, start() + 60 * DAY), material.authority.der());
    assert_eq!(step(&next, 60, true), None);
}

#[test]
fn an_authority_is_replaced_in_steps() {
    // As it is on day 239, with a leaf of day 200.
    let (material, _) = step(&first(), 200, true).unwrap();
    let (staged, change) = step(&material, 240, true).unwrap();
    assert_eq!(change, Change::Authority);
    assert_eq!(staged.leaf, material.leaf, "the new authority signs nothing yet");
    assert_eq!(staged.trusted(), [staged.authority.der().unwrap(), material.authority.der().unwrap()]);

    assert_eq!(step(&staged, 240, false), None, "not before it is published");
    let (signed, change) = step(&staged, 241, true).unwrap();
    assert_eq!(change, Change::Leaf);
    assert_eq!(signed.leaf_issuer(&plan().names, start() + 241 * DAY), staged.authority.der());
    assert_eq!(signed.trusted().len(), 2, "a replica may still serve the old leaf");

    // The old leaf of day 200 ends with day 290.
    assert_eq!(step(&signed, 290, true), None);
    let (dropped, change) = step(&signed, 291, true).unwrap();
    assert_eq!(change, Change::Dropped);
    assert_eq!(dropped.trusted(), [staged.authority.der().unwrap()]);
    assert_eq!(dropped.leaf, signed.leaf);
}

#[test]
fn other_names_mean_another_leaf_at_once() {
    let mut other = plan();
    other.names.push("webhook.example.org".to_owned());
    let (next, change) = first().next(&other, start(), false).unwrap().unwrap();
    assert_eq!(change, Change::Leaf);
    assert!(next.leaf_issuer(&other.names, start()).is_some());
}

#[test]
fn after_a_long_sleep_everything_is_made_anew() {
    let (next, change) = step(&first(), 1000, false).unwrap();
    assert_eq!(change, Change::Both);
    assert!(next.leaf_issuer(&plan().names, start() + 1000 * DAY).is_some());
    let (settled, change) = step(&next, 1000, true).unwrap();
    assert_eq!((change, settled.previous), (Change::Dropped, None));
}

#[test]
fn a_leaf_of_a_stranger_is_replaced() {
    let foreign = Material { leaf: first().leaf, ..first() };
    let (next, change) = step(&foreign, 1, false).unwrap();
    assert_eq!(change, Change::Leaf);
    assert!(next.leaf_issuer(&plan().names, start() + DAY).is_some());
}

#[test]
fn a_leaf_never_outlives_its_authority() {
    let (late, _) = step(&first(), 239, true).unwrap();
    let (end, authority) = (late.leaf_validity().unwrap(), late.authority.der().unwrap());
    assert!(end.not_after <= Validity::of(&authority).unwrap().not_after);
    let short = Plan { authority_life: 100 * DAY, leaf_life: 90 * DAY, ..plan() };
    let material = Material::new(&short, start()).unwrap();
    let capped = material.next(&short, start() + 61 * DAY, true).unwrap().unwrap().0.leaf_validity().unwrap();
    assert_eq!(capped.not_after, start() + 100 * DAY);
}

#[test]
fn a_secret_comes_back_and_half_of_one_does_not() {
    let (material, _) = step(&first(), 240, true).unwrap();
    for material in [first(), step(&material, 300, true).unwrap().0, material] {
        assert_eq!(Material::from_data(&material.to_data()), Some(material));
    }
    let mut half = first().to_data();
    half.remove("tls.key");
    assert_eq!(Material::from_data(&half), None);
}

#[test]
fn no_key_is_shown() {
    assert!(!format!("{:?}", first()).contains("PRIVATE"));
}
