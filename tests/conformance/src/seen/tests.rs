use super::*;

fn message(partition: i32, offset: i64, key: &str, value: &str) -> Message {
    Message {
        topic: "t".to_owned(),
        partition,
        offset,
        key: Some(key.into()),
        value: Some(value.into()),
        headers: Vec::new(),
        timestamp_ms: Some(7),
    }
}

fn copy(partition: i32, offset: i64, key: &str, value: &str) -> Message {
    Message {
        headers: vec![("driver".to_owned(), Some("main".into()))],
        ..message(partition, offset, key, value)
    }
}

fn said(expected: Value, seen: &[Message], input: Option<&[Message]>) -> Option<String> {
    let mut expected = expected;
    expected["in"] = json!("t");
    let expected: Visible = serde_json::from_value(expected).expect("an expectation");
    check(&expected, seen, input).err().map(|wrong| wrong.0)
}

#[test]
fn records_are_compared_byte_for_byte() {
    let mut seen = vec![message(0, 0, "a", "1"), message(0, 1, "b", "")];
    seen[1].headers = vec![("h".to_owned(), None), ("h".to_owned(), Some(vec![0, 255]))];
    let second = json!({"key": "b", "value": "", "headers": [["h", null], ["h", {"base64": "AP8="}]]});
    let first = json!({"key": "a", "value": "1"});
    assert_eq!(said(json!({"records": [first, second]}), &seen, None), None);
    assert!(said(json!({"records": [second, first]}), &seen, None).is_some(), "out of order");
    assert!(said(json!({"records": [first]}), &seen, None).is_some(), "one too many");
    for other in [
        json!({"key": "b", "headers": [["h", null], ["h", {"base64": "AP8="}]]}),
        json!({"key": "b", "value": "", "headers": [["h", ""], ["h", {"base64": "AP8="}]]}),
        json!({"key": "b", "value": "", "headers": [["h", {"base64": "AP8="}], ["h", null]]}),
        json!({"key": "b", "value": "", "headers": [["h", null], ["h", {"base64": "AP8="}]], "timestamp_ms": 8}),
        json!({"key": "b", "value": "", "headers": [["h", null], ["h", {"base64": "AP8="}]], "partition": 1}),
    ] {
        assert!(said(json!({"records": [first, other]}), &seen, None).is_some(), "{other}");
    }
    let any = json!({"key": "b", "value": "", "headers": "$any", "timestamp_ms": 7});
    assert_eq!(said(json!({"records": [first, any]}), &seen, None), None);
}

#[test]
fn on_more_partitions_any_order_will_do() {
    let seen = [message(0, 0, "a", "1"), message(1, 0, "b", "2")];
    let (a, b) = (json!({"key": "a", "value": "1"}), json!({"key": "b", "value": "2"}));
    assert_eq!(said(json!({"records": [b, a]}), &seen, None), None);
    assert!(said(json!({"records": [b, b]}), &seen, None).is_some());
}

#[test]
fn what_was_not_committed_is_not_visible() {
    let aborted =
        json!({"when": {"value": "ABORTED", "is": "COMMITTED"}, "records": [{"key": "a", "value": "1"}]});
    assert_eq!(said(aborted.clone(), &[], None), None);
    assert!(said(aborted, &[message(0, 0, "a", "1")], None).is_some());
    let committed =
        json!({"when": {"value": "COMMITTED", "is": "COMMITTED"}, "records": [{"key": "a", "value": "1"}]});
    assert!(said(committed, &[], None).is_some());
}

#[test]
fn generated_records_are_there_once_and_in_order() {
    let expected = || json!({"generated": {"count": 3, "size": 4}});
    let right = [message(0, 0, "0", "0..."), message(0, 1, "2", "2..."), message(1, 0, "1", "1...")];
    assert_eq!(said(expected(), &right, None), None);
    assert!(said(expected(), &right[..2], None).is_some_and(|said| said.contains("record 1 is not visible")));
    let mut wrong = right.to_vec();
    wrong.push(message(1, 1, "1", "1..."));
    assert!(said(expected(), &wrong, None).is_some_and(|said| said.contains("twice")));
    wrong.pop();
    wrong.swap(0, 1);
    assert!(said(expected(), &wrong, None).is_some_and(|said| said.contains("out of order")));
    assert!(said(expected(), &[message(0, 0, "0", "0")], None).is_some());
    assert!(said(expected(), &[message(0, 0, "3", "3...")], None).is_some());
}

#[test]
fn copies_are_there_once_and_in_order_of_their_keys() {
    let input =
        [message(0, 0, "a", "1"), message(0, 1, "a", "2"), message(1, 0, "b", "3"), message(1, 1, "b", "x")];
    let expected = || json!({"copies": "in", "but": ["x"]});
    let said = |seen: &[Message]| said(expected(), seen, Some(&input));
    let right = [copy(0, 0, "b", "3"), copy(0, 1, "a", "1"), copy(0, 2, "a", "2")];
    assert_eq!(said(&right), None);
    assert!(said(&right[..2]).is_some_and(|said| said.contains("\"2\" of key \"a\" is visible 0 times")));
    let mut wrong = right.to_vec();
    wrong.push(copy(0, 3, "a", "1"));
    assert!(said(&wrong).is_some_and(|said| said.contains("\"1\" of key \"a\" is visible 2 times")));
    assert!(
        said(&[right[0].clone(), copy(0, 1, "a", "2"), copy(0, 2, "a", "1")])
            .is_some_and(|s| s.contains("order"))
    );
    assert!(
        said(&[right[0].clone(), right[1].clone(), message(0, 2, "a", "2")])
            .is_some_and(|s| s.contains("driver"))
    );
    wrong.pop();
    wrong.push(copy(0, 3, "b", "x"));
    assert!(said(&wrong).is_some(), "the poison is no output");
}

#[test]
fn ranges_are_where_the_records_are() {
    let seen = [message(0, 4, "a", "1"), message(0, 6, "a", "2"), message(1, 0, "b", "3")];
    let ranges = |last: i64| {
        json!([
            {"topic": "t", "partition": 0, "first_offset": 4, "last_offset": last, "count": 2},
            {"topic": "t", "partition": 1, "first_offset": 0, "last_offset": 0, "count": 1},
            {"topic": "another", "partition": 0, "first_offset": 0, "last_offset": 0, "count": 1},
        ])
    };
    assert_eq!(said(json!({"at": ranges(6)}), &seen, None), None);
    assert!(said(json!({"at": ranges(5)}), &seen, None).is_some());
    assert!(said(json!({"at": null}), &seen, None).is_none(), "nothing was said of ranges");
    assert!(said(json!({"at": []}), &seen, None).is_some());
}

#[test]
fn headers_are_looked_for_in_each_record() {
    let seen = [copy(0, 0, "a", "1"), copy(0, 1, "a", "2")];
    assert_eq!(said(json!({"headers": {"driver": "ai"}}), &seen, None), None);
    assert!(said(json!({"headers": {"driver": "other"}}), &seen, None).is_some());
    assert!(said(json!({"headers": {"another": ""}}), &seen, None).is_some());
}
