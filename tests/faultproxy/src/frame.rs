//! Kafka's framing: a length, then a request's header (api_key, api_version, correlation_id, client_id) or a reply's
//! (correlation_id).

use crate::Api;
use bytes::{Buf, Bytes, BytesMut};
use std::{fmt, io};
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// The length before each frame.
pub(crate) const LENGTH: usize = 4;
/// More than any broker takes (socket.request.max.bytes, 100 MiB).
const FRAME_MAX: usize = 128 << 20;

/// What is not a frame of Kafka's protocol.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Malformed {
    /// It ends before its header does.
    Short,
    /// A length that is negative or too large.
    Length(i32),
    /// A client_id that is no UTF-8.
    ClientId,
}

/// A request as it passed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Request {
    /// Which API.
    pub api: Api,
    /// In which version.
    pub version: i16,
    /// What its reply will be known by, within its connection.
    pub correlation_id: i32,
    /// The client's name for itself.
    pub client_id: Option<String>,
    frame: Bytes,
    body: usize,
}

/// Reads frame by frame. May be cancelled between any two bytes.
pub(crate) struct Frames<R> {
    from: R,
    buffer: BytesMut,
}

// === impl Malformed ===

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short => f.write_str("a frame ends before its header does"),
            Self::Length(length) => write!(f, "a frame of {length} bytes"),
            Self::ClientId => f.write_str("a client_id that is no UTF-8"),
        }
    }
}

impl std::error::Error for Malformed {}

impl From<Malformed> for io::Error {
    fn from(malformed: Malformed) -> Self {
        Self::new(io::ErrorKind::InvalidData, malformed)
    }
}

// === impl Request ===

impl Request {
    /// From a whole frame, its length included.
    pub fn parse(frame: Bytes) -> Result<Self, Malformed> {
        let mut rest = frame.get(LENGTH..).ok_or(Malformed::Short)?;
        if rest.len() < 10 {
            return Err(Malformed::Short);
        }
        let (api, version, correlation_id) = (Api(rest.get_i16()), rest.get_i16(), rest.get_i32());
        let client_id = take_string(&mut rest)?;
        let body = frame.len() - rest.len();
        Ok(Self { api, version, correlation_id, client_id, frame, body })
    }

    /// The whole frame.
    pub fn frame(&self) -> &Bytes {
        &self.frame
    }

    /// What follows client_id. In flexible versions it begins with the header's tagged fields.
    pub fn body(&self) -> &[u8] {
        &self.frame[self.body..]
    }
}

/// A string with a length of two bytes; -1 is none.
pub(crate) fn take_string(from: &mut &[u8]) -> Result<Option<String>, Malformed> {
    if from.len() < 2 {
        return Err(Malformed::Short);
    }
    let length = from.get_i16();
    if length == -1 {
        return Ok(None);
    }
    let length = usize::try_from(length).map_err(|_| Malformed::Length(length.into()))?;
    if from.len() < length {
        return Err(Malformed::Short);
    }
    let (text, rest) = from.split_at(length);
    *from = rest;
    String::from_utf8(text.to_vec()).map(Some).map_err(|_| Malformed::ClientId)
}

/// The correlation_id of a reply's frame.
pub(crate) fn correlation_id(reply: &[u8]) -> Result<i32, Malformed> {
    let mut rest = reply.get(LENGTH..LENGTH + 4).ok_or(Malformed::Short)?;
    Ok(rest.get_i32())
}

/// How long the frame that begins here is, its length included; None as long as its length has not arrived.
fn frame_length(start: &[u8]) -> Result<Option<usize>, Malformed> {
    let Some(mut length) = start.get(..LENGTH) else { return Ok(None) };
    let length = length.get_i32();
    match usize::try_from(length) {
        Ok(bytes) if bytes <= FRAME_MAX => Ok(Some(LENGTH + bytes)),
        _ => Err(Malformed::Length(length)),
    }
}

// === impl Frames ===

impl<R: AsyncRead + Unpin> Frames<R> {
    pub(crate) fn new(from: R) -> Self {
        Self { from, buffer: BytesMut::new() }
    }

    /// The next frame, its length included; None at the end. A frame that breaks off is an error.
    pub(crate) async fn next(&mut self) -> io::Result<Option<BytesMut>> {
        loop {
            if let Some(length) = frame_length(&self.buffer)? {
                if self.buffer.len() >= length {
                    return Ok(Some(self.buffer.split_to(length)));
                }
                self.buffer.reserve(length - self.buffer.len());
            }
            if self.from.read_buf(&mut self.buffer).await? == 0 {
                return match self.buffer.is_empty() {
                    true => Ok(None),
                    false => Err(io::ErrorKind::UnexpectedEof.into()),
                };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::BufMut as _;

    fn header(client_id: Option<&[u8]>) -> BytesMut {
        let mut header = BytesMut::new();
        header.put_i16(26);
        header.put_i16(1);
        header.put_i32(-7);
        header.put_i16(client_id.map_or(-1, |id| id.len() as i16));
        header.put_slice(client_id.unwrap_or_default());
        header
    }

    fn framed(content: &[u8]) -> Bytes {
        let mut frame = BytesMut::new();
        frame.put_i32(content.len() as i32);
        frame.put_slice(content);
        frame.freeze()
    }

    #[test]
    fn a_request_is_known_by_its_header_and_keeps_its_bytes() {
        let mut content = header(Some(b"rdkafka"));
        content.put_slice(b"body");
        let request = Request::parse(framed(&content)).expect("a request");
        assert_eq!((request.api, request.version, request.correlation_id), (Api::END_TXN, 1, -7));
        assert_eq!(request.client_id.as_deref(), Some("rdkafka"));
        assert_eq!(request.body(), b"body");
        assert_eq!(request.frame(), &framed(&content));
    }

    #[test]
    fn no_client_id_and_an_empty_one_differ() {
        let of = |id| Request::parse(framed(&header(id))).expect("a request").client_id;
        assert_eq!(of(None), None);
        assert_eq!(of(Some(b"")), Some(String::new()));
    }

    #[test]
    fn a_header_that_breaks_off_anywhere_is_refused() {
        let whole = framed(&header(Some(b"rdkafka")));
        for length in 0..whole.len() {
            assert_eq!(Request::parse(whole.slice(..length)), Err(Malformed::Short), "{length} bytes");
        }
        assert_eq!(Request::parse(framed(&header(Some(b"\xff")))), Err(Malformed::ClientId));
        let mut negative = header(None);
        negative[9] = 0xfe;
        assert_eq!(Request::parse(framed(&negative)), Err(Malformed::Length(-2)));
    }

    #[tokio::test]
    async fn frames_are_found_however_the_bytes_arrive() {
        let stream = [framed(b"one"), framed(b""), framed(&[7; 100_000])].concat();
        for piece in [1, 5, stream.len()] {
            let (mut sender, receiver) = tokio::io::duplex(piece);
            let sent = stream.clone();
            let sending = tokio::spawn(async move {
                tokio::io::AsyncWriteExt::write_all(&mut sender, &sent).await.expect("is read")
            });
            let mut frames = Frames::new(receiver);
            let mut arrived = Vec::new();
            while let Some(frame) = frames.next().await.expect("whole frames") {
                arrived.push(frame.len() - LENGTH);
            }
            sending.await.expect("was sent");
            assert_eq!(arrived, [3, 0, 100_000], "in pieces of {piece}");
        }
    }

    #[tokio::test]
    async fn a_stream_that_breaks_off_or_is_not_kafkas_is_an_error() {
        let error = async |bytes: &[u8]| Frames::new(bytes).next().await.expect_err("no frame").kind();
        assert_eq!(error(&framed(b"whole")[..6]).await, io::ErrorKind::UnexpectedEof);
        assert_eq!(error(b"GET / HTTP/1.1\r\n").await, io::ErrorKind::InvalidData);
        assert_eq!(error(&(-1i32).to_be_bytes()).await, io::ErrorKind::InvalidData);
    }
}
