//! docs/annotations.md and the schema of the chart's `injection` values, made from the table.

use crate::{
    PREFIX,
    annotations::{
        env::RESERVED,
        table::{Scope, TABLE},
    },
};
use serde_json::{Map, Value, json};
use std::fmt::Write as _;

const HEAD: &str = "\
<!-- Made by `sidecommit docs annotations`; a test compares. Change k8s/inject/src/annotations/, not this file. -->
# Labels and annotations

A pod gets the sidecar if it has the **label** `sidecommit.dev/inject: \"true\"`; for a workload that is a label of its pod template.
`\"false\"` keeps it out of `sidecommit inject --all` as well. The label `sidecommit.dev/rev` chooses among several installed injectors.

All else are **annotations** of the pod template under `sidecommit.dev/`, or of the namespace for all pods in it; the pod's win over the
namespace's, the namespace's over the defaults: the chart's `injection` values, or the file of `sidecommit inject --defaults`, there in
camelCase (`bootstrapServers`). Values are texts, so numbers and booleans need quotes. A key that does not exist, or a value that is not
accepted, refuses the pod, with a line for each that names key, value and accepted form.

| annotation | default | accepted | meaning |
|---|---|---|---|
";

const TAIL: &str = "
`workload` and `ordinal` are for pods only, neither for namespaces nor for defaults.

## What is asked for otherwise
A container named `sidecommit` with `image: auto` in the pod template is merged over the sidecar's: objects field by field
(`resources`, `securityContext`, probes, `lifecycle`), `env` by name, `volumeMounts` by path, `ports` by number, `envFrom` is added, anything
else is replaced. It is remembered, so a later injection or `sidecommit uninject` starts from it again.

## What the injector writes
The annotation `sidecommit.dev/status`: its version, a hash of everything that decides, and what `sidecommit uninject` needs to give back what was
there. The volumes that go with the pod are added to `cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes`, after those that are there.
";

/// The page.
pub fn markdown() -> String {
    let mut page = HEAD.to_owned();
    for row in &TABLE {
        let default = row.default.map_or_else(|| "-".to_owned(), |default| format!("`{default}`"));
        let accepted = row.form.accepted().replace('|', "\\|");
        writeln!(page, "| `{PREFIX}{}` | {default} | {accepted} | {} |", row.key, row.doc)
            .expect("writing to a String cannot fail");
    }
    page += TAIL;
    page += "\n## Settings that `env` cannot change\n\n| setting | annotation |\n|---|---|\n";
    for (variable, annotation) in RESERVED {
        writeln!(page, "| `{variable}` | `{annotation}` |").expect("writing to a String cannot fail");
    }
    page
}

/// The JSON schema of the chart's `injection` values, and of the file of defaults.
pub fn values_schema() -> Value {
    let rows = TABLE.iter().filter(|row| row.scope == Scope::Anywhere);
    let properties: Map<String, Value> = rows
        .map(|row| {
            let mut schema = row.form.schema();
            schema["description"] = json!(format!("{} Accepted: {}.", row.doc, row.form.accepted()));
            if let Some(default) = row.default {
                // As it is written in values: a number, a boolean, a text.
                schema["default"] = serde_json::from_str(default).unwrap_or_else(|_| json!(default));
            }
            (row.camel(), schema)
        })
        .collect();
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Defaults of the sidecar that is injected",
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
    })
}
