use crate::{consumers::whole, ffi};

/// Looks whether librdkafka takes a regular expression for the topics of a subscription.
///
/// # Errors
/// What is wrong with it, for people.
pub fn check_pattern(pattern: &str) -> Result<(), String> {
    if has_back_reference(pattern) {
        // It would count one more, and with KIP-848 the broker knows none.
        return Err("back-references are not possible".to_owned());
    }
    // Alone, too: what it is put into could close a parenthesis that it has opened, or the other way round.
    ffi::check_regex(pattern).and_then(|()| ffi::check_regex(&whole(pattern)))
}

fn has_back_reference(pattern: &str) -> bool {
    let mut chars = pattern.chars();
    while let Some(next) = chars.next() {
        if next == '\\' && chars.next().is_some_and(|escaped| escaped.is_ascii_digit()) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_malformed_pattern_is_told_with_what_is_wrong() {
        for pattern in
            ["orders", "orders-[0-9]+", "a|b", "(a|b){1,2}", "a.*", "[[:digit:]]", r"a\\1", r"a\.b"]
        {
            assert_eq!(check_pattern(pattern), Ok(()), "{pattern}");
        }
        for pattern in ["(", "[a", "a)|(b", "a{2,1}", "[b-a]", "(?i)a", "a\\", "a\0", r"(a)\1", r"(a)(b)\2"] {
            assert!(check_pattern(pattern).is_err_and(|why| !why.is_empty()), "{pattern}");
        }
    }
}
