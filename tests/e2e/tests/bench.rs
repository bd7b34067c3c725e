//! `sidecommit bench`: what it counts is what readers see, in each mode, closed and open loop; and what it refuses.

use serde_json::Value;
use sidecommit_e2e::{Cluster, Sidecar, Spec, command};
use std::path::Path;

/// Of each transaction; small, so that readers have seen all in no time.
const RECORDS: u64 = 20;
/// Transactions a second of the open loops, less than any machine makes.
const RATE: f64 = 20.0;

/// Runs the bench to its end: its standard output.
fn bench(arguments: &[&str]) -> String {
    let output = command(&[&["bench"], arguments].concat()).output().expect("the bench starts");
    let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{arguments:?}: {:?}\n{out}\n{error}", output.status);
    out.into_owned()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// A second of a mode against a running sidecar: the row.
fn second(sidecar: &Sidecar, topic: &str, mode: &str, more: &[&str]) -> Value {
    let (socket, pid, records) = (sidecar.socket(), sidecar.id().to_string(), RECORDS.to_string());
    let arguments =
        ["--socket", socket.to_str().expect("a path"), "--pid", &pid, "--topic", topic, "--mode", mode];
    let load = ["--seconds", "1", "--warmup", "0.2", "--records", &records, "--record-size", "100", "--json"];
    let report = json(&bench(&[&arguments[..], &load[..], more].concat()));
    let rows = report["rows"].as_array().expect("rows");
    assert_eq!(rows.len(), 1, "{report}");
    rows[0].clone()
}

#[tokio::test]
async fn what_each_mode_counts_is_what_readers_see() {
    let cluster = Cluster::shared();
    let sidecar = Spec::new(&cluster.bootstrap()).serve().await;
    let rate = RATE.to_string();
    for mode in ["transact", "stream", "interactive"] {
        for open in [false, true] {
            let topic = cluster.topic(2);
            let more: &[&str] = if open { &["--callers", "8", "--rate", &rate] } else { &["--callers", "4"] };
            let row = second(&sidecar, &topic, mode, more);
            let number = |name: &str| row[name].as_f64().unwrap_or_else(|| panic!("{mode}: {name} in {row}"));
            let (transactions, records) = (number("transactions"), number("records"));
            assert!(transactions > 0.0 && records == transactions * RECORDS as f64, "{mode}: {row}");
            assert!(0.0 < number("p50_ms") && number("p50_ms") <= number("max_ms"), "{mode}: {row}");
            assert!(
                number("rss_mib") > 1.0 && number("cpu_s") >= 0.0 && number("client_cpu_s") >= 0.0,
                "{row}"
            );
            // Of what was due in the window none is forgotten; the warm-up's are beside it.
            let due = transactions + number("never_started");
            assert!(!open || (due - RATE).abs() <= 2.0, "{mode}: {due} were due: {row}");
            assert!(open || number("never_started") == 0.0, "{mode}: {row}");
            // Whole transactions; those of the warm-up too.
            let visible = cluster.visible(&topic).len() as u64;
            assert!(
                visible as f64 >= records && visible.is_multiple_of(RECORDS),
                "{mode}: {visible} visible: {row}"
            );
        }
    }
}

#[tokio::test]
async fn a_sweep_on_a_sidecar_of_its_own_is_a_table_and_pictures() {
    let (cluster, folder) = (Cluster::shared(), tempfile::tempdir().expect("a folder"));
    let (servers, topic, plot) =
        (cluster.bootstrap(), cluster.topic(2), folder.path().to_str().expect("a path"));
    let arguments = ["--bootstrap-servers", &servers, "--topic", &topic, "--callers", "1,4", "--plot", plot];
    let text = bench(&[&arguments[..], &["--seconds", "0.5", "--warmup", "0.2"]].concat());
    let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("transact ")).collect();
    assert_eq!(rows.len(), 2, "{text}");
    assert!(text.contains("fdatasync in the journal's folder: p50 "), "{text}");
    for (name, circles) in [("latency.svg", 4), ("throughput.svg", 2)] {
        let svg = std::fs::read_to_string(folder.path().join(name)).expect(name);
        assert!(svg.starts_with("<svg ") && svg.matches("<circle ").count() >= circles, "{svg}");
    }
}

#[tokio::test]
async fn a_comparison_of_nobody_else_measures_the_sidecar_and_its_life() {
    let (cluster, folder) = (Cluster::shared(), tempfile::tempdir().expect("a folder"));
    let (servers, out, page) =
        (cluster.bootstrap(), folder.path().join("out"), folder.path().join("page.md"));
    std::fs::write(&page, "above\n<!-- bench:begin -->\nold\n<!-- bench:end -->\nbelow\n").expect("a page");
    let path = |path: &Path| path.to_str().expect("a path").to_owned();
    bench(
        &[
            &["compare", "--bootstrap-servers", &servers, "--contenders", "sidecommit"][..],
            &["--cases", "small-1,pipeline", "--rounds", "1", "--warmup", "0.2", "--seconds", "0.5"],
            // 100 MB: more than is copied in that time.
            &["--input-records", "100000"],
            &["--out", &path(&out), "--document", &path(&page)],
        ]
        .concat(),
    );
    let summary = json(&std::fs::read_to_string(out.join("summary.json")).expect("summary.json"));
    let rows = summary["rows"].as_array().expect("rows");
    let cases: Vec<_> = rows.iter().map(|row| (row["case"].as_str(), row["contender"].as_str())).collect();
    assert_eq!(cases, ["small-1", "pipeline"].map(|case| (Some(case), Some("sidecommit"))), "{summary}");
    for name in
        ["callers", "transactions_per_s", "records_per_s", "p50_ms", "p99_ms", "rss_mib", "client_cpu_s"]
    {
        assert!(
            rows.iter().all(|row| row[name].as_f64().is_some_and(|number| number >= 0.0)),
            "{name}: {summary}"
        );
    }
    let life = &summary["life"];
    assert!(life["first_commit_after_kill_s"]["median"].as_f64() > Some(0.0), "{summary}");
    assert!(life["idle_rss_mib"]["median"].as_f64() > Some(1.0), "{summary}");
    let page = std::fs::read_to_string(&page).expect("the page");
    assert!(
        page.starts_with("above\n<!-- bench:begin -->\n") && page.ends_with("<!-- bench:end -->\nbelow\n")
    );
    assert!(page.contains("### small-1: ") && !page.contains("old\n"), "{page}");
}

#[test]
fn bad_arguments_exit_64_naming_flag_value_and_form() {
    for (arguments, said) in [
        (&["--callers", "0"][..], &["--callers", "'0'", "1..=4096"][..]),
        (&["--callers", "8,x"], &["--callers", "'x'"]),
        (&["--seconds", "0"], &["--seconds", "'0'", "from 0.1 to 3600"]),
        (&["--warmup", "soon"], &["--warmup", "'soon'", "from 0 to 3600"]),
        (&["--rate", "0"], &["--rate", "'0'", "from 0.01 to 1000000"]),
        (&["--mode", "fast"], &["--mode", "'fast'", "transact, stream, interactive"]),
        (&["--pid", "1"], &["--socket <PATH>"]),
        (&["compare", "--contenders", "go"], &["--contenders", "'go'", "franz-go"]),
        (&["compare", "--cases", "big"], &["--cases", "'big'", "bulk-1k"]),
        (&["compare", "--rivals", "/nowhere"], &["--rivals", "/nowhere", "--contenders sidecommit"]),
        (
            &["compare", "--contenders", "sidecommit", "--document", "/nowhere"],
            &["--document", "/nowhere", "<!-- bench:begin -->"],
        ),
        (&["grid", "--dimensions", "depth"], &["--dimensions", "'depth'", "record-size"]),
        (&["grid", "--document", "/nowhere"], &["--document", "/nowhere", "<!-- bench-full:begin -->"]),
    ] {
        let output = command(&[&["bench"], arguments].concat()).output().expect("starts");
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(64), "{arguments:?}: {error}");
        assert!(said.iter().all(|part| error.contains(part)), "{arguments:?}: {said:?} in {error}");
    }
}
