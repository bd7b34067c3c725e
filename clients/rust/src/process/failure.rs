//! Errors of handlers, and what the sidecar is told of them.

use crate::{BoxError, v1::DeliveryFailure};
use std::{error::Error as StdError, fmt};

/// A handler's error that says that the record cannot succeed: it goes to the dead-letter topic without further attempts. It may
/// be the cause of another error.
#[derive(Debug)]
pub struct Reject(BoxError);

/// An error of a batch's handler that says which record it is about; the others come again without blame. It may be the cause of
/// another error, and have a [`Reject`] as its own.
#[derive(Debug)]
pub struct AtOffset {
    offset: i64,
    cause: BoxError,
}

// === impl Reject ===

impl Reject {
    /// For a cause, or a text.
    pub fn new(cause: impl Into<BoxError>) -> Self {
        Self(cause.into())
    }
}

impl fmt::Display for Reject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl StdError for Reject {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.0)
    }
}

// === impl AtOffset ===

impl AtOffset {
    /// For the record at that offset of the delivery.
    pub fn new(offset: i64, cause: impl Into<BoxError>) -> Self {
        Self { offset, cause: cause.into() }
    }
}

impl fmt::Display for AtOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)
    }
}

impl StdError for AtOffset {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.cause)
    }
}

/// What a handler's error says of a delivery. `offset`: of the record that the handler had, if it had one.
pub(super) fn describe(error: &BoxError, offset: Option<i64>) -> DeliveryFailure {
    let causes = || {
        let outermost: &(dyn StdError + 'static) = &**error;
        std::iter::successors(Some(outermost), |error: &&(dyn StdError + 'static)| (*error).source())
    };
    let named = || causes().find_map(|cause| cause.downcast_ref::<AtOffset>()).map(|at| at.offset);
    DeliveryFailure {
        delivery_id: String::new(),
        offset: offset.or_else(named),
        retryable: !causes().any(|cause| cause.is::<Reject>()),
        error_class: class(causes().find(|cause| !cause.is::<Reject>() && !cause.is::<AtOffset>())),
        message: error.to_string(),
    }
}

/// The type of an error is lost where it is boxed. What its Debug begins with is its name, or its variant's.
fn class(error: Option<&(dyn StdError + 'static)>) -> String {
    let text = error.map(|error| format!("{error:?}")).unwrap_or_default();
    let end = text.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(text.len());
    if end == 0 { "Error".to_owned() } else { text[..end].to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_may_be_repeated_and_has_the_handlers_offset() {
        let error: BoxError = "x".parse::<i32>().unwrap_err().into();
        let failure = describe(&error, Some(7));
        assert_eq!((failure.offset, failure.retryable), (Some(7), true));
        assert_eq!(
            (&*failure.error_class, &*failure.message),
            ("ParseIntError", "invalid digit found in string")
        );
    }

    #[test]
    fn a_batchs_error_names_its_record_and_what_cannot_succeed() {
        let error: BoxError = AtOffset::new(9, Reject::new("too old")).into();
        let failure = describe(&error, None);
        assert_eq!((failure.offset, failure.retryable), (Some(9), false));
        assert_eq!((&*failure.error_class, &*failure.message), ("Error", "too old"));
    }

    #[test]
    fn a_batchs_plain_error_blames_nobody_in_particular() {
        let error: BoxError = "no connection".into();
        assert_eq!(describe(&error, None).offset, None);
    }
}
