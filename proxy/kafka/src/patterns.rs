use crate::{consumers::whole, ffi};

/// Looks whether librdkafka takes a regular expression for the topics of a subscription.
///
/// # Errors
/// What is wrong with it, for people.
pub fn check_pattern(pattern: &str) -> Result<(), String> {
    // Alone, too: what it is put into could close a parenthesis that it has opened, or the other way round.
    ffi::check_regex(pattern).and_then(|()| ffi::check_regex(&whole(pattern)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_malformed_pattern_is_told_with_what_is_wrong() {
        for pattern in ["orders", "orders-[0-9]+", "a|b", "(a|b){1,2}", "a.*", "[[:digit:]]"] {
            assert_eq!(check_pattern(pattern), Ok(()), "{pattern}");
        }
        for pattern in ["(", "[a", "a)|(b", "a{2,1}", "[b-a]", "(?i)a", "a\\", "a\0"] {
            assert!(check_pattern(pattern).is_err_and(|why| !why.is_empty()), "{pattern}");
        }
    }
}
