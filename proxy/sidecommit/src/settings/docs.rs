//! docs/configuration.md, made from the table: what is documented is what is accepted.

use super::{Setting, TABLE};
use std::fmt::Write as _;

const HEAD: &str = "\
<!-- Made by `sidecommit docs configuration`; a test compares. Change proxy/sidecommit/src/settings/, not this file. -->
# Configuration

Every setting can be given in three ways. A flag wins over a variable, a variable over the file, the file over the
default:

| | example |
|---|---|
| flag | `--limits-idle-timeout 5s` |
| variable | `SIDECOMMIT_LIMITS_IDLE_TIMEOUT=5s`; an empty variable counts as not set |
| file (`--config FILE` or `SIDECOMMIT_CONFIG`), TOML | `idle_timeout = \"5s\"` in the section `[limits]` |

`sidecommit config print` shows the effective settings and where each comes from, as TOML or with `--json`; secrets are
shown as `***`. A value that is not accepted, a setting that does not exist, in the file or as a `SIDECOMMIT_*` variable,
or an identity that would not survive a restart ends the start with exit code 64 and a line for each that names setting,
value and accepted form, before anything is opened.

Durations have a unit: `250ms`, `10s`, `5m`, `1h`. Sizes are bytes or have a binary unit: `512KiB`, `16MiB`, `1GiB`.

## librdkafka's properties
Any property of librdkafka is passed through: `--kafka security.protocol=SASL_SSL` (repeatable),
`SIDECOMMIT_KAFKA_SECURITY_PROTOCOL=SASL_SSL`, or in the file

```toml
[kafka]
security.protocol = \"SASL_SSL\"
sasl.mechanism = \"SCRAM-SHA-512\"
```

Those that would break the guarantees are refused by name. Give secrets by a variable or by the file: other users of the
machine can read a process's flags.

SSL, PLAIN, SCRAM, OAUTHBEARER with tokens from an OpenID provider (`sasl.oauthbearer.method=oidc`; its certificate is looked
for where the system keeps them, or in `https.ca.location`) and every compression are built in. Kerberos (GSSAPI) is not.
";

const SECTIONS: [(&str, &str); 7] = [
    ("", "General"),
    ("leases", "Leases"),
    ("admin", "Shutdown"),
    ("outcomes", "Outcomes"),
    ("group_commit", "Group commit"),
    ("limits", "Limits"),
    ("log", "Log"),
];

const IDENTITY: &str = "
An identity is explicit (`slot`, or `workload` and `ordinal`), or that of a StatefulSet's pod (`pod_name`, better with
`pod_index`). Its parts are of `[A-Za-z0-9._-]`, the ordinal is a number. A Deployment's pod name, a pod's IP address, a uid, a
container id are refused: they change when the pod is replaced, and with a fresh transactional.id the predecessor is
never fenced.

With `identity = lease` the ordinal is that of whichever Lease of the workload could be claimed, the lowest free one first; it may change
when the sidecar restarts, or loses its Lease. Until one is claimed calls are refused with NO_SLOT.
";

/// The page.
pub fn markdown() -> String {
    let mut page = HEAD.to_owned();
    for (section, title) in SECTIONS {
        write!(page, "\n## {title}\n").expect("writing to a String cannot fail");
        if section.is_empty() {
            page += IDENTITY;
        }
        page += "\n| setting, flag, variable | default | accepted | meaning |\n|---|---|---|---|\n";
        for setting in TABLE.iter().filter(|s| section_of(s) == section && !s.hidden()) {
            page += &row(setting);
        }
    }
    page
}

fn row(setting: &Setting) -> String {
    let default = setting.default.map_or_else(|| "-".to_owned(), |default| format!("`{default}`"));
    format!(
        "| `{}`<br>`--{}`<br>`{}` | {default} | {} | {} |\n",
        setting.name,
        setting.flag(),
        setting.variable(),
        setting.form.accepted().replace('|', "\\|"),
        setting.doc.trim().replace('|', "\\|"),
    )
}

fn section_of(setting: &Setting) -> &str {
    setting.name.split_once('.').map_or("", |(section, _)| section)
}
