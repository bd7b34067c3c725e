//! Kubernetes' quantities, as far as requests and limits must be compared.

/// Thousandths of a core; none if it is no quantity, is 0, or is finer than that.
pub(crate) fn cpu(text: &str) -> Option<u128> {
    let (number, milli) = match text.strip_suffix('m') {
        Some(number) => (number, 1),
        None => (text, 1_000),
    };
    scaled(number, milli)
}

/// Bytes; none if it is no quantity or is 0.
pub(crate) fn memory(text: &str) -> Option<u128> {
    const UNITS: [(&str, u128); 10] = [
        ("Ki", 1 << 10),
        ("Mi", 1 << 20),
        ("Gi", 1 << 30),
        ("Ti", 1 << 40),
        ("Pi", 1 << 50),
        ("k", 1_000),
        ("M", 1_000_000),
        ("G", 1_000_000_000),
        ("T", 1_000_000_000_000),
        ("P", 1_000_000_000_000_000),
    ];
    let unit = UNITS.iter().find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, *factor)));
    let (number, factor) = unit.unwrap_or((text, 1));
    scaled(number, factor)
}

/// A decimal number times a factor, rounded down; at most 15 digits on each side.
fn scaled(number: &str, factor: u128) -> Option<u128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str| (1..=15).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return None;
    }
    let tens = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
    let (whole, fraction): (u128, u128) = (whole.parse().ok()?, fraction.parse().ok()?);
    let value = whole * factor + fraction * factor / tens;
    (value > 0).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_kubernetes() {
        assert_eq!(["50m", "1", "0.5", "1.25"].map(cpu), [50, 1_000, 500, 1_250].map(Some));
        assert_eq!(["64Mi", "1.5Gi", "1k", "7"].map(memory), [64 << 20, 3 << 29, 1_000, 7].map(Some));
        assert_eq!(["", "0", "m", "-1", "1e3", "1 m", "0m", ".5"].map(cpu), [None; 8]);
        assert_eq!(["", "0Mi", "Mi", "64MB", "64 Mi", "lots"].map(memory), [None; 6]);
    }
}
