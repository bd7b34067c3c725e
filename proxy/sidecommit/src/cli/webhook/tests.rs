use super::*;
use clap::Parser as _;

#[derive(Debug, clap::Parser)]
struct Line {
    #[command(flatten)]
    args: Args,
}

fn parse(flags: &[&str]) -> Result<Args, String> {
    let line = Line::try_parse_from(std::iter::once("webhook").chain(flags.iter().copied()));
    line.map(|line| line.args).map_err(|error| error.to_string())
}

const OWN: [&str; 4] = [
    "--secret=certs",
    "--namespace=kube-sidecommit",
    "--service=injector",
    "--webhook-configuration=injector",
];

fn own(more: &[&str]) -> Result<Certs, Vec<String>> {
    parse(&[&OWN, more].concat()).unwrap().certs()
}

#[test]
fn a_service_and_further_names_are_what_the_certificate_is_for() {
    let Ok(Certs::Own(place, plan)) = own(&["--san=10.0.0.1"]) else { panic!("not accepted") };
    assert_eq!((place.secret.as_str(), place.configuration.as_str()), ("certs", "injector"));
    assert_eq!(plan.names, ["injector.kube-sidecommit.svc", "10.0.0.1"]);
    assert_eq!((plan.authority_life.as_secs(), plan.leaf_life.as_secs()), (365 * 86_400, 90 * 86_400));
}

#[test]
fn every_flag_that_is_missing_is_named() {
    let errors = parse(&["--service=x"]).unwrap().certs().unwrap_err();
    let flags: Vec<_> = errors.iter().map(|error| error.split(' ').next().unwrap()).collect();
    assert_eq!(flags, ["--secret", "--namespace", "--webhook-configuration"]);
    let errors = parse(&["--certs=files"]).unwrap().certs().unwrap_err();
    assert_eq!(errors.len(), 2, "{errors:?}");
}

#[test]
fn flags_of_the_other_mode_are_refused() {
    assert_eq!(own(&["--tls-key=k"]).unwrap_err(), ["--tls-key is for --certs files only"]);
    let files = ["--certs=files", "--tls-cert=c", "--tls-key=k"];
    assert!(matches!(parse(&files).unwrap().certs(), Ok(Certs::Files(_))));
    let mixed = parse(&[&files[..], &["--secret=s"]].concat()).unwrap();
    assert_eq!(mixed.certs().unwrap_err(), ["--secret is for --certs self only"]);
}

#[test]
fn lives_that_leave_no_time_to_renew_are_refused() {
    let errors = own(&["--ca-life=60s", "--leaf-life=40s", "--certs-poll=5s"]).unwrap_err();
    let expected = [
        "--leaf-life 40s is not accepted: at most half of --ca-life, 30s",
        "--certs-poll 5s is not accepted: at most a tenth of --leaf-life, 4s",
    ];
    assert_eq!(errors, expected);
    assert!(own(&["--ca-life=60s", "--leaf-life=30s", "--certs-poll=3s"]).is_ok());
}

#[test]
fn what_is_no_name_is_refused() {
    let errors = own(&["--san=a b"]).unwrap_err();
    assert_eq!(errors, [r#"--san: "a b" is not accepted: a DNS name or an IP address"#]);
}

#[test]
fn a_bad_value_names_its_flag_and_the_accepted_form() {
    for (flag, accepted) in [
        ("--listen=8443", "an IP address and a port, such as 0.0.0.0:9911"),
        ("--certs-poll=30", "a duration from 100ms to 1h"),
        ("--leaf-life=1s", "a duration from 5s"),
        ("--certs=other", "possible values: self, files"),
    ] {
        let error = parse(&[flag]).unwrap_err();
        let name = flag.split('=').next().unwrap();
        assert!(error.contains(name) && error.contains(accepted), "{error}");
    }
}

#[test]
fn bad_defaults_name_the_file_and_the_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("defaults.yaml");
    std::fs::write(&path, "lanez: 3\n").unwrap();
    let flag = format!("--defaults={}", path.display());
    let errors = parse(&[&flag]).unwrap().injector().unwrap_err();
    assert!(errors[0].starts_with("--defaults ") && errors[0].contains("lanez"), "{errors:?}");
    std::fs::remove_file(&path).unwrap();
    assert!(parse(&[&flag]).unwrap().injector().unwrap_err()[0].contains("No such file"));
}
