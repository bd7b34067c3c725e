//! Pages that are made from the table are current.
#![allow(clippy::unwrap_used)] // a panic is how a test fails

use sidecommit_inject::{Defaults, docs};
use std::{fs, path::Path};

#[test]
fn the_annotations_page_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/annotations.md");
    let page = docs::markdown();
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, &page).unwrap();
    }
    assert_eq!(fs::read_to_string(path).unwrap(), page, "BLESS=1 writes it anew");
}

/// `k8s/chart/schema` puts it into the chart's values.schema.json; `k8s/check` sees that it did.
#[test]
fn the_charts_schema_of_injection_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../chart/injection.schema.json");
    let schema = format!("{:#}\n", docs::values_schema());
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, &schema).unwrap();
    }
    assert_eq!(fs::read_to_string(path).unwrap(), schema, "BLESS=1 writes it anew; then k8s/chart/schema");
}

/// The chart writes the schema's defaults into its values: they must be values that are accepted.
#[test]
fn the_schemas_defaults_are_accepted() {
    let schema = docs::values_schema();
    let properties = schema["properties"].as_object().unwrap();
    assert_eq!(properties.len(), 32);
    for (name, property) in properties {
        if let Some(default) = property.get("default") {
            Defaults::from_value(&serde_json::json!({name: default})).unwrap();
        }
    }
}

#[test]
fn defaults_that_are_wrong_are_told_all_at_once() {
    let text = "bootstrapServer: kafka:9092\nslots: 0\nworkload: one\nenv: [1]\nnativeSidecar: maybe\n";
    let complaints = Defaults::from_yaml(text).unwrap_err();
    let lines: Vec<String> = complaints.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "bootstrapServer: \"kafka:9092\" is not accepted: a known key, such as bootstrapServers",
            "env: \"[1]\" is not accepted: a setting as NAME=value on each line, NAME beginning with SIDECOMMIT_",
            "nativeSidecar: \"maybe\" is not accepted: auto or true or false",
            "slots: \"0\" is not accepted: a whole number from 1 to 1000",
            "workload: \"one\" is not accepted: nothing: it is an annotation of the pod only",
        ]
    );
}
