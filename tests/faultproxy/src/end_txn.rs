use crate::{Api, Malformed, Request, frame};
use bytes::Buf as _;

/// From this version on EndTxn is encoded differently; librdkafka sends 1.
const FIRST_FLEXIBLE: i16 = 3;

/// What an EndTxn request says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EndTxn {
    /// Whose transaction.
    pub transactional_id: String,
    /// The producer's id.
    pub producer_id: i64,
    /// Its epoch: another one is another producer.
    pub epoch: i16,
    /// Commit, or abort.
    pub commit: bool,
}

// === impl EndTxn ===

impl EndTxn {
    /// Reads the body; None if it is another API's, a version that is encoded differently, or malformed.
    pub fn parse(request: &Request) -> Option<Self> {
        if request.api != Api::END_TXN || request.version >= FIRST_FLEXIBLE {
            return None;
        }
        let mut rest = request.body();
        let transactional_id = frame::take_string(&mut rest).ok().flatten()?;
        (rest.len() >= 11).then(|| Self {
            transactional_id,
            producer_id: rest.get_i64(),
            epoch: rest.get_i16(),
            commit: rest.get_u8() != 0,
        })
    }
}

/// The error code in the frame of a reply to EndTxn (versions below 3): 0 is success.
pub fn error_of_end_txn(reply: &[u8]) -> Result<i16, Malformed> {
    // Length, correlation_id, throttle_time_ms, error_code.
    let mut code = reply.get(12..14).ok_or(Malformed::Short)?;
    Ok(code.get_i16())
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::{BufMut as _, BytesMut};

    fn request(api: Api, version: i16, body: &[u8]) -> Request {
        let mut frame = BytesMut::new();
        frame.put_i32(10 + body.len() as i32);
        frame.put_i16(api.0);
        frame.put_i16(version);
        frame.put_i32(5);
        frame.put_i16(-1);
        frame.put_slice(body);
        Request::parse(frame.freeze()).expect("a request")
    }

    #[test]
    fn an_end_is_read_and_nothing_else_is_taken_for_one() {
        let mut body = vec![0, 2, b'i', b'd'];
        body.put_i64(4_000_000_000);
        body.put_i16(3);
        body.put_u8(1);
        let end =
            EndTxn { transactional_id: "id".to_owned(), producer_id: 4_000_000_000, epoch: 3, commit: true };
        assert_eq!(EndTxn::parse(&request(Api::END_TXN, 1, &body)), Some(end.clone()));
        *body.last_mut().expect("not empty") = 0;
        assert_eq!(EndTxn::parse(&request(Api::END_TXN, 1, &body)), Some(EndTxn { commit: false, ..end }));
        assert_eq!(EndTxn::parse(&request(Api::END_TXN, 3, &body)), None);
        assert_eq!(EndTxn::parse(&request(Api::PRODUCE, 1, &body)), None);
        assert_eq!(EndTxn::parse(&request(Api::END_TXN, 1, &body[..body.len() - 1])), None);
    }

    #[test]
    fn a_replys_error_is_read() {
        let mut reply = vec![0, 0, 0, 10, 0, 0, 0, 5, 0, 0, 0, 0, 0, 47];
        assert_eq!(error_of_end_txn(&reply), Ok(47));
        reply.pop();
        assert_eq!(error_of_end_txn(&reply), Err(Malformed::Short));
    }
}
