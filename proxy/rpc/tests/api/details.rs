//! Reads what a status carries, as a client would.

use prost::Message;
use sidecommit_rpc::proto::{google_rpc as rpc, v1};
use tonic::{Code, Status};

/// A decoded status.
#[derive(Debug)]
pub(crate) struct Details {
    pub(crate) code: Code,
    pub(crate) info: rpc::ErrorInfo,
    pub(crate) detail: v1::ErrorDetail,
    pub(crate) retry: Option<rpc::RetryInfo>,
    pub(crate) bad: Option<rpc::BadRequest>,
}

impl Details {
    pub(crate) fn of(status: &Status) -> Self {
        assert!(status.details().len() < 4096, "{} bytes", status.details().len());
        let decoded = rpc::Status::decode(status.details()).unwrap();
        assert_eq!(decoded.code, status.code() as i32, "{status:?}");
        assert_eq!(decoded.message, status.message());
        Self {
            code: status.code(),
            info: find(&decoded, "google.rpc.ErrorInfo").unwrap_or_else(|| panic!("no details: {status:?}")),
            detail: find(&decoded, "sidecommit.v1.ErrorDetail").expect("an ErrorDetail"),
            retry: find(&decoded, "google.rpc.RetryInfo"),
            bad: find(&decoded, "google.rpc.BadRequest"),
        }
    }

    /// The field to blame.
    pub(crate) fn field(&self) -> &str {
        &self.bad.as_ref().expect("a BadRequest").field_violations[0].field
    }
}

fn find<M: Message + Default>(status: &rpc::Status, name: &str) -> Option<M> {
    let url = format!("type.googleapis.com/{name}");
    let any = status.details.iter().find(|any| any.type_url == url)?;
    Some(M::decode(any.value.as_slice()).unwrap())
}

/// Asserts code, reason, next action and field of a refusal in one line.
#[track_caller]
pub(crate) fn refused<T: std::fmt::Debug>(result: Result<T, Status>, reason: v1::Reason) -> Details {
    let status = result.expect_err("a refusal");
    let details = Details::of(&status);
    assert_eq!(details.detail.reason(), reason, "{status:?}");
    details
}
