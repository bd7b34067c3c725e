//! Recognising by its form a text that does not last. Being wrong in the strict direction costs one setting;
//! in the other direction it costs exactly-once.

use crate::Instability;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The alphabet of Kubernetes' generated names: no vowels, no digits that look like letters.
const SAFE: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// A container id as hostname has this many digits.
const CONTAINER_ID: usize = 12;

/// A random number inside a longer name is recognised from this length on.
const LONG_HEX: usize = 16;

/// How a text betrays that it does not last; None if it does not.
pub(crate) fn instability(text: &str) -> Option<Instability> {
    if is_address(text) {
        Some(Instability::Address)
    } else if contains_uuid(text) {
        Some(Instability::Uid)
    } else if is_deployment_pod(text) {
        Some(Instability::DeploymentPod)
    } else if contains_hex(text) {
        Some(Instability::Hex)
    } else {
        None
    }
}

/// `10.1.2.3`, `10-1-2-3`, `ip-10-1-2-3`, `10-1-2-3.shop.pod`, `fe80::1`, `fd00--1`, `fd00-0-0-0-0-0-0-1`.
pub(crate) fn is_address(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let text = text.trim_start_matches(['[', '(']).trim_end_matches([']', ')']);
    let bare =
        ["ip-", "ip6-", "ip.", "ip_", "pod-"].iter().find_map(|p| text.strip_prefix(p)).unwrap_or(text);
    let host = bare.split_once('.').map_or(bare, |(host, _)| host);
    bare.parse::<IpAddr>().is_ok() || is_v4(bare) || is_v4(host) || is_v6(host)
}

fn is_v4(text: &str) -> bool {
    let parts: Vec<&str> = text.split(['.', '-', '_']).collect();
    let octet = |part: &&str| part.len() <= 3 && part.parse::<u8>().is_ok();
    parts.len() == 4 && parts.iter().all(octet) || text.parse::<Ipv4Addr>().is_ok()
}

fn is_v6(text: &str) -> bool {
    text.replace(['-', '_'], ":").parse::<Ipv6Addr>().is_ok()
}

fn contains_uuid(text: &str) -> bool {
    text.as_bytes().windows(36).any(|w| {
        w.iter().enumerate().all(|(i, b)| match i {
            8 | 13 | 18 | 23 => matches!(b, b'-' | b'_'),
            _ => b.is_ascii_hexdigit(),
        })
    })
}

/// `<name>-<pod-template-hash>-<5 characters>`.
pub(crate) fn is_deployment_pod(text: &str) -> bool {
    let mut parts = text.rsplitn(3, '-');
    let (Some(suffix), Some(hash), Some(name)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let safe = |part: &str| part.bytes().all(|b| SAFE.contains(&b));
    !name.is_empty() && suffix.len() == 5 && (8..=10).contains(&hash.len()) && safe(suffix) && safe(hash)
}

/// A word of hexadecimal letters alone ("facade") is no number: there must be a digit.
fn contains_hex(text: &str) -> bool {
    let hex = |part: &str, least: usize| {
        part.len() >= least
            && part.bytes().all(|b| b.is_ascii_hexdigit())
            && part.bytes().any(|b| b.is_ascii_digit())
    };
    hex(text, CONTAINER_ID) || text.split(['-', '_', '.']).any(|part| hex(part, LONG_HEX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_last_is_recognised() {
        use Instability as I;
        for (text, expected) in [
            ("10.244.0.7", I::Address),
            ("10-244-0-7", I::Address),
            ("10_244_0_7", I::Address),
            ("010-244-000-007", I::Address),
            ("ip-10-0-3-17", I::Address),
            ("ip-10-0-3-17.eu-west-1.compute.internal", I::Address),
            ("10-244-0-7.shop.pod.cluster.local", I::Address),
            ("fe80::1", I::Address),
            ("[2001:db8::7]", I::Address),
            ("2001-db8--7", I::Address),
            ("fd00-10-244-0-0-0-0-5", I::Address),
            ("FD00--5", I::Address),
            ("0b5c2f3e-4d57-4f9b-a1de-0f6a5b7c8d9e", I::Uid),
            ("orders-0b5c2f3e-4d57-4f9b-a1de-0f6a5b7c8d9e", I::Uid),
            ("0b5c2f3e_4d57_4f9b_a1de_0f6a5b7c8d9e", I::Uid),
            ("orders-7c9d8b6f5d-x2k4z", I::DeploymentPod),
            ("order-service-v2-59d8f7c6b-24567", I::DeploymentPod),
            ("a-bcdfghjk-lmnpq", I::DeploymentPod),
            ("3f4e5d6c7b8a", I::Hex),
            ("3F4E5D6C7B8A", I::Hex),
            ("orders-9f86d081884c7d65", I::Hex),
            ("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", I::Hex),
            ("202511210915", I::Hex),
        ] {
            assert_eq!(instability(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn names_that_people_give_are_not_refused() {
        for text in [
            "orders",
            "orders-0",
            "orders-v2",
            "orders-1-2-3",
            "app-10-244-0",
            "payment-gateway-http2",
            "fraud.detection_2",
            "facade",
            "deadbeefcafe",
            "cafe-1",
            "a-b-c-d-e-f",
            "orders-7c9d8b6f5d",
            "orders-20251121",
            "my-statefulset-12345",
            "checkout-processor-fastt",
            "0",
            "256-1-1-1",
        ] {
            assert_eq!(instability(text), None, "{text}");
        }
    }
}
