use super::*;
use std::{collections::BTreeMap, io::Write as _, path::PathBuf};

fn flags(values: &[(&'static str, &str)]) -> Flags {
    let values = values.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    Flags { values, ..Flags::default() }
}

fn variables(values: &[(&str, &str)]) -> Environment {
    let variables = values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Environment { variables, ..Environment::default() }
}

fn with_file(text: &str) -> (tempfile::NamedTempFile, Flags) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    let flags = Flags { config: Some(file.path().to_owned()), ..Flags::default() };
    (file, flags)
}

fn source_of(settings: &Settings, name: &str) -> Source {
    settings.values.get(name).unwrap().source.clone()
}

fn errors(flags: &Flags, environment: &Environment) -> Vec<String> {
    Settings::load(flags, environment).expect_err("bad").iter().map(ToString::to_string).collect()
}

#[test]
fn the_defaults_are_those_of_core() {
    let settings = Settings::load(&Flags::default(), &Environment::default()).unwrap();
    assert_eq!(settings.limits(), Limits::default());
    assert_eq!(settings.socket_mode, 0o666);
    assert_eq!(settings.grace.as_secs(), 25);
    assert_eq!((settings.tcp_address, settings.metrics_address), (None, None));
    assert_eq!(settings.log_format, LogFormat::Text);
}

#[test]
fn each_setting_takes_its_form_from_each_source() {
    let example = |form: Form| match form {
        Form::Text | Form::Topic | Form::Path | Form::Socket | Form::SocketOrNone => "x".to_owned(),
        Form::Servers => "a:1".to_owned(),
        Form::Mode => "0600".to_owned(),
        Form::Loopback | Form::Address => "127.0.0.1:1".to_owned(),
        Form::Integer(_, max) => max.to_string(),
        Form::Duration(_, max) => form::duration(max),
        Form::Size(_, max) => form::size(max),
        Form::Choice(words) => words[words.len() - 1].to_owned(),
    };
    let reads = |flags: &Flags, environment: &Environment, setting: &Setting| {
        let gathered = Gathered::from(flags, environment);
        assert!(gathered.errors.is_empty(), "{:?}", gathered.errors);
        let _typed = Fields::read(&gathered.values);
        assert_eq!(gathered.values.get(setting.name).unwrap().text, example(setting.form));
    };
    for setting in TABLE {
        let value = example(setting.form);
        reads(&flags(&[(setting.name, &value)]), &Environment::default(), setting);
        reads(&Flags::default(), &variables(&[(&setting.variable(), &value)]), setting);
        let (_file, flags) = with_file(&format!("{} = {}", setting.name, toml::Value::from(value)));
        reads(&flags, &Environment::default(), setting);
    }
}

#[test]
fn a_flag_wins_over_a_variable_over_the_file_over_the_default() {
    let name = "limits.idle_timeout";
    let (file, from_file) = with_file("[limits]\nidle_timeout = \"7s\"\nopen_transactions = 3\n");
    let load = |flags: &Flags, environment: &Environment| Settings::load(flags, environment).unwrap();

    let settings = load(&from_file, &Environment::default());
    assert_eq!((settings.idle_timeout, settings.open_transactions), (7_000, 3));
    assert_eq!(source_of(&settings, name), Source::File(file.path().to_owned()));

    let environment = variables(&[("SIDECOMMIT_LIMITS_IDLE_TIMEOUT", "6s")]);
    let settings = load(&from_file, &environment);
    assert_eq!(settings.idle_timeout, 6_000);
    assert_eq!(source_of(&settings, name), Source::Variable("SIDECOMMIT_LIMITS_IDLE_TIMEOUT".to_owned()));

    let both = Flags { config: from_file.config, ..flags(&[(name, "5s")]) };
    let settings = load(&both, &environment);
    assert_eq!(settings.idle_timeout, 5_000);
    assert_eq!(source_of(&settings, name), Source::Flag("--limits-idle-timeout".to_owned()));
    assert_eq!(source_of(&settings, "grace"), Source::Default);
}

#[test]
fn the_file_may_be_named_by_a_variable_and_an_empty_variable_is_none() {
    let (file, _) = with_file("grace = \"3s\"\n");
    let path = file.path().to_str().unwrap();
    let environment = variables(&[("SIDECOMMIT_CONFIG", path), ("SIDECOMMIT_POD_INDEX", "")]);
    let settings = Settings::load(&Flags::default(), &environment).unwrap();
    assert_eq!((settings.grace.as_secs(), settings.pod_index.clone()), (3, None));
}

#[test]
fn a_bad_value_is_told_with_setting_value_source_and_accepted_form() {
    for (name, value, accepted) in [
        ("bootstrap_servers", "kafka", "host:port"),
        ("tcp_address", "0.0.0.0:9910", "loopback"),
        ("grace", "1s", "from 2s to 1h"),
        ("limits.lanes_max", "0", "from 1 to 256"),
        ("limits.buffer_bytes", "16MB", "such as 512KiB"),
        ("limits.idle_timeout", "10", "such as 250ms"),
        ("socket_mode", "rw-rw-rw-", "octal"),
        ("outcomes.mode", "files", "topic or private-groups"),
        ("log.level", "loud", "error or warn or info"),
    ] {
        let expected = format!("{name}: {value:?} (--{}): expected ", Setting::named(name).unwrap().flag());
        let message = errors(&flags(&[(name, value)]), &Environment::default()).join("\n");
        assert!(message.starts_with(&expected) && message.contains(accepted), "{message}");
    }
}

#[test]
fn settings_that_do_not_fit_together_are_told_with_both() {
    for (values, first, second) in [
        (&[("limits.lanes_reserved", "8")][..], "limits.lanes_reserved: \"8\"", "limits.lanes_max (8)"),
        (&[("limits.lanes_warm", "9")], "limits.lanes_warm: \"9\"", "limits.lanes_max (8)"),
        (&[("limits.lanes_max", "1")], "limits.lanes_reserved: \"2\" (default)", "limits.lanes_max (1)"),
        (&[("limits.idle_timeout", "30s")], "limits.idle_timeout: \"30s\"", "limits.lane_timeout (30s)"),
        (&[("limits.max_timeout", "20s")], "limits.default_timeout: \"25s\"", "limits.max_timeout (20s)"),
        (&[("limits.buffer_bytes", "8MiB")], "max_message_size: \"16MiB\"", "limits.buffer_bytes (8MiB)"),
        (&[("limits.buffer_bytes", "8MiB")], "limits.lane_window_bytes: \"16MiB\"", "limits.buffer_bytes"),
        (&[("limits.streaming_bytes", "2GiB")], "limits.streaming_bytes: \"2GiB\"", "bytes_per_transaction"),
        (
            &[("outcomes.replication_factor", "1")],
            "outcomes.min_insync_replicas: \"2\"",
            "replication_factor",
        ),
        (&[("socket", "none")], "socket: \"none\"", "tcp_address"),
        (&[("socket", "a"), ("admin_socket", "a")], "admin_socket: \"a\"", "another path than socket"),
        (&[("outcomes.mode", "private-groups")], "outcomes.private_groups_topic: \"\" (not set)", "topic"),
        (
            &[
                ("outcomes.mode", "private-groups"),
                ("outcomes.private_groups_topic", "t"),
                ("group_commit.transactions", "91"),
            ],
            "group_commit.transactions: \"91\"",
            "at most 90",
        ),
    ] {
        let message = errors(&flags(values), &Environment::default()).join("\n");
        assert!(message.contains(first) && message.contains(second), "{values:?}: {message}");
    }
}

#[test]
fn what_is_unknown_is_refused_with_what_was_probably_meant() {
    let variable = |name: &str| errors(&Flags::default(), &variables(&[(name, "1")])).join("\n");
    assert!(variable("SIDECOMMIT_LIMITS_LANE_MAX").contains("did you mean SIDECOMMIT_LIMITS_LANES_MAX?"));
    assert!(variable("SIDECOMMIT_BOOTSTRAP_SERVER").contains("did you mean SIDECOMMIT_BOOTSTRAP_SERVERS?"));
    assert!(variable("SIDECOMMIT_XYZZY_PLUGH_FROTZ").contains("config print"));
    let (_file, flags) =
        with_file("bootstrap-servers = \"a:1\"\n[limit]\nlanes_max = 1\n[limits]\nlanes = 1\n");
    let messages = errors(&flags, &Environment::default());
    assert_eq!(messages.len(), 3, "{messages:?}");
    assert!(messages.iter().any(|m| m.contains("did you mean bootstrap_servers?")), "{messages:?}");
    assert!(
        messages
            .iter()
            .any(|m| m.contains("limit.lanes_max") && m.contains("did you mean limits.lanes_max?"))
    );
}

#[test]
fn variables_that_kubernetes_makes_of_services_are_not_ours() {
    let links = [
        "SIDECOMMIT_SERVICE_HOST",
        "SIDECOMMIT_SERVICE_PORT",
        "SIDECOMMIT_SERVICE_PORT_GRPC",
        "SIDECOMMIT_PORT",
        "SIDECOMMIT_PORT_443_TCP",
        "SIDECOMMIT_PORT_443_TCP_ADDR",
        "SIDECOMMIT_WEBHOOK_SERVICE_HOST",
        "SIDECOMMIT_WEBHOOK_PORT_443_TCP_PROTO",
        "SIDECOMMIT_KAFKA_SERVICE_HOST",
        "SIDECOMMIT_ADDRESS",
        "SIDECOMMIT_INJECTED",
    ];
    let environment = variables(&links.map(|name| (name, "10.0.0.1")));
    let settings = Settings::load(&Flags::default(), &environment).unwrap();
    assert_eq!(settings.kafka.iter().count(), 0);
    assert!(!errors(&Flags::default(), &variables(&[("SIDECOMMIT_PORT_NUMBER", "1")])).is_empty());
}

#[test]
fn kafka_properties_come_from_all_sources_and_secrets_are_not_shown() {
    let (_file, from_file) =
        with_file("[kafka]\nlinger.ms = \"1\"\n\"sasl.username\" = \"who\"\nclient.id = \"file\"\n");
    let environment =
        variables(&[("SIDECOMMIT_KAFKA_SASL_PASSWORD", "hunter2"), ("SIDECOMMIT_KAFKA_CLIENT_ID", "env")]);
    let all = Flags { kafka: vec!["client.id=flag=1".to_owned()], ..from_file };
    let settings = Settings::load(&all, &environment).unwrap();
    let properties: BTreeMap<_, _> = settings.kafka.iter().collect();
    let expected =
        [("client.id", "flag=1"), ("linger.ms", "1"), ("sasl.password", "hunter2"), ("sasl.username", "who")];
    assert_eq!(properties, expected.into());
    let json = serde_json::to_string(&settings.effective()).unwrap();
    for shown in [format!("{settings:?}"), format!("{:?}", settings.kafka), settings.to_toml(), json] {
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(shown.contains("***"), "{shown}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_told_without_its_content() {
    let absent = Flags { config: Some(PathBuf::from("/nonexistent/x.toml")), ..Flags::default() };
    assert!(errors(&absent, &Environment::default())[0].contains("/nonexistent/x.toml"));
    let (_file, broken) = with_file("grace = \"3s\"\nsasl.password = hunter2\n");
    let message = &errors(&broken, &Environment::default())[0];
    assert!(message.contains("line 2") && !message.contains("hunter2"), "{message}");
}

#[test]
fn what_is_printed_sets_the_same_again() {
    let given =
        flags(&[("grace", "3s"), ("slot", "p/ns/app/0"), ("limits.lanes_max", "4"), ("socket", "none")]);
    let given = Flags {
        values: given.values.into_iter().chain([("tcp_address", "[::1]:1".to_owned())]).collect(),
        kafka: vec!["linger.ms=1".to_owned()],
        ..Flags::default()
    };
    let settings = Settings::load(&given, &Environment::default()).unwrap();
    let printed = settings.to_toml();
    assert!(printed.contains("grace = \"3s\"  # --grace\n"), "{printed}");
    assert!(printed.contains("[limits]\nlanes_max = 4  # --limits-lanes-max\n"), "{printed}");
    let (_file, flags) = with_file(&printed);
    let again = Settings::load(&flags, &Environment::default()).unwrap();
    let values = |settings: &Settings| -> Vec<_> {
        settings.effective().into_iter().map(|(name, effective)| (name, effective.value)).collect()
    };
    assert_eq!(values(&again), values(&settings));
    assert_eq!(again.kafka.iter().collect::<Vec<_>>(), [("linger.ms", "1")]);
}

#[test]
fn names_of_flags_and_variables_are_unique() {
    let unique = |names: Vec<String>| {
        let count = names.len();
        assert_eq!(names.into_iter().collect::<std::collections::BTreeSet<_>>().len(), count);
    };
    unique(TABLE.iter().map(Setting::flag).collect());
    unique(TABLE.iter().map(Setting::variable).collect());
    assert!(!TABLE.iter().any(|s| s.variable().starts_with("SIDECOMMIT_KAFKA_")));
}

#[test]
fn what_serving_needs_is_named_when_it_is_not_set() {
    let settings = Settings::load(&Flags::default(), &Environment::default()).unwrap();
    let message = settings.required_bootstrap_servers().unwrap_err().to_string();
    for part in ["bootstrap_servers", "host:port", "--bootstrap-servers", "SIDECOMMIT_BOOTSTRAP_SERVERS"] {
        assert!(message.contains(part), "{message}");
    }
    assert!(settings.identity().unwrap_err().to_string().starts_with("slot: not set"));
}

#[test]
fn the_identity_comes_from_the_settings() {
    let environment = Environment {
        host_name: Some("laptop".to_owned()),
        ..variables(&[("SIDECOMMIT_SLOT", "p/ns/app/0"), ("SIDECOMMIT_POD_UID", "")])
    };
    let settings = Settings::load(&Flags::default(), &environment).unwrap();
    let identity = settings.identity().unwrap();
    assert_eq!((identity.slot.as_str(), identity.pod_uid.as_str()), ("p/ns/app/0", "host:laptop"));
    assert_eq!(settings.outcomes_topic_of(&identity.prefix), "p.sidecommit-outcomes");
    let pod = variables(&[
        ("KUBERNETES_SERVICE_HOST", "10.0.0.1"),
        ("SIDECOMMIT_NAMESPACE", "shop"),
        ("SIDECOMMIT_POD_NAME", "orders-1"),
        ("SIDECOMMIT_POD_UID", "u"),
    ]);
    let message = Settings::load(&Flags::default(), &pod).unwrap().identity().unwrap_err().to_string();
    assert!(message.starts_with("prefix: not set"), "{message}");
}

#[test]
fn the_page_is_current() {
    let page = include_str!("../../../../docs/configuration.md");
    assert!(
        page == markdown(),
        "run `cargo run -p sidecommit -- docs configuration > docs/configuration.md`"
    );
}

#[test]
fn every_limit_is_named_with_its_unit() {
    let settings = Settings::load(&Flags::default(), &Environment::default()).unwrap();
    let limits = settings.named_limits();
    let numbers =
        TABLE.iter().filter(|s| s.name.starts_with("limits.") || s.name.starts_with("group_commit."));
    // With max_message_size, without group_commit.enabled.
    assert_eq!(limits.len(), numbers.count());
    assert!(limits.contains(&("limits.idle_timeout", "seconds", 10.0)));
    assert!(limits.contains(&("limits.buffer_bytes", "bytes", 268_435_456.0)));
    assert!(limits.contains(&("limits.lanes_max", "", 8.0)));
}
