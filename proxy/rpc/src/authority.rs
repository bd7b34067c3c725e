//! Lets clients in that send their Unix socket's path as `:authority`.
//!
//! grpcio, Java and Swift do so, plainly or percent-encoded, and the h2 crate refuses such a request as malformed, with no
//! setting to the contrary. Nobody reads the authority behind a Unix socket, so on the way in each '/' and '%' of it is
//! overwritten by '-'. That keeps every length, even in HPACK's Huffman code (RFC 7541: '-', '/' and '%' have 6 bits),
//! so frames keep their size, both ends' dynamic tables stay alike, and bytes are changed where they are.

use bytes::Bytes;
use std::{
    io,
    ops::Range,
    pin::Pin,
    task::{Context, Poll, ready},
};
use tokio::io::{AsyncRead, ReadBuf};

/// "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", before the first frame.
const PREFACE_BYTES: usize = 24;
/// Of each frame: length (3), type, flags, stream id (4).
const FRAME_HEADER_BYTES: usize = 9;
/// Larger ones are held back for nobody: no request of ours has so many headers.
const HEADERS_BYTES_MAX: usize = 16 << 10;
const HEADERS: u8 = 1;
const FLAG_PADDED: u8 = 0x8;
const FLAG_PRIORITY: u8 = 0x20;
/// `:authority` in HPACK's static table,
const AUTHORITY_INDEX: usize = 1;
/// spelled out, as grpcio does,
const AUTHORITY_PLAIN: &[u8] = b":authority";
/// and in Huffman code.
const AUTHORITY_HUFFMAN: &[u8] = &[0xb8, 0x3b, 0x53, 0x39, 0xec, 0x32, 0x7d, 0x7f];
/// Of HPACK's Huffman code, which is canonical: per length the first code that is longer.
const CODE_LIMITS: [(usize, u16); 8] =
    [(5, 10), (6, 46), (7, 124), (8, 254), (10, 1021), (11, 2045), (12, 4092), (13, 8190)];
const PERCENT_CODE: u16 = 0b01_0101;
const DASH_CODE: u16 = 0b01_0110;
const SLASH_CODE: u16 = 0b01_1000;

/// What a client sends, mended. Other bytes than HEADERS frames are never copied.
#[derive(Debug)]
pub(crate) struct Mender {
    /// Bytes ahead that are no frame's beginning.
    skip: usize,
    /// The beginning of a frame that must be seen whole.
    held: Vec<u8>,
    /// Held before, may go on.
    ready: Bytes,
}

// === impl Mender ===

impl Mender {
    pub(crate) fn new() -> Self {
        Self { skip: PREFACE_BYTES, held: Vec::new(), ready: Bytes::new() }
    }

    /// As AsyncRead::poll_read of the given connection.
    pub(crate) fn poll_read(
        &mut self,
        io: &mut (impl AsyncRead + Unpin),
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            if !self.ready.is_empty() {
                let len = self.ready.len().min(buf.remaining());
                buf.put_slice(&self.ready.split_to(len));
                return Poll::Ready(Ok(()));
            }
            if !self.held.is_empty() {
                ready!(self.poll_complete(io, cx))?;
                continue;
            }
            let start = buf.filled().len();
            ready!(Pin::new(&mut *io).poll_read(cx, buf))?;
            let read = &mut buf.filled_mut()[start..];
            let passed = self.scan(read);
            self.held.extend_from_slice(&read[passed..]);
            let end_of_stream = read.is_empty();
            buf.set_filled(start + passed);
            // Ready with nothing would mean the end.
            if passed > 0 || end_of_stream {
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// Reads what the held frame lacks; what is whole or will never be becomes ready.
    fn poll_complete(
        &mut self,
        io: &mut (impl AsyncRead + Unpin),
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        let whole = payload_len(&self.held).map_or(FRAME_HEADER_BYTES, |len| FRAME_HEADER_BYTES + len);
        let mut scratch = [0; 1024];
        let missing = (whole - self.held.len()).min(scratch.len());
        let mut more = ReadBuf::new(&mut scratch[..missing]);
        ready!(Pin::new(io).poll_read(cx, &mut more))?;
        if more.filled().is_empty() {
            self.ready = std::mem::take(&mut self.held).into();
            return Poll::Ready(Ok(()));
        }
        self.held.extend_from_slice(more.filled());
        let mut frame = std::mem::take(&mut self.held);
        let passed = self.scan(&mut frame);
        self.held = frame.split_off(passed);
        self.ready = frame.into();
        Poll::Ready(Ok(()))
    }

    /// Mends the whole frames in `bytes`; returns how many bytes may go on. The rest is an incomplete frame.
    fn scan(&mut self, bytes: &mut [u8]) -> usize {
        let mut at = 0;
        while at < bytes.len() {
            if self.skip > 0 {
                let len = self.skip.min(bytes.len() - at);
                self.skip -= len;
                at += len;
                continue;
            }
            let Some(len) = payload_len(&bytes[at..]) else { break };
            let whole = FRAME_HEADER_BYTES + len;
            if bytes[at + 3] != HEADERS || len > HEADERS_BYTES_MAX {
                self.skip = whole;
                continue;
            }
            let Some(frame) = bytes.get_mut(at..at + whole) else { break };
            mend_frame(frame);
            at += whole;
        }
        at
    }
}

/// Payload bytes of the frame that begins here, if its header is whole.
fn payload_len(frame: &[u8]) -> Option<usize> {
    let header: &[u8; FRAME_HEADER_BYTES] = frame.first_chunk()?;
    Some(usize::from(header[0]) << 16 | usize::from(header[1]) << 8 | usize::from(header[2]))
}

/// A HEADERS frame. What cannot be read is left to the HTTP/2 implementation to refuse.
fn mend_frame(frame: &mut [u8]) {
    let flags = frame[4];
    let payload = &mut frame[FRAME_HEADER_BYTES..];
    let mut block = 0..payload.len();
    if flags & FLAG_PADDED != 0 {
        let Some(padding) = payload.first() else { return };
        block = 1..block.end.saturating_sub(usize::from(*padding));
    }
    if flags & FLAG_PRIORITY != 0 {
        block.start += 5;
    }
    if let Some(block) = payload.get_mut(block) {
        mend_block(block);
    }
}

/// A header block: a sequence of HPACK representations (RFC 7541, 6). None: it could not be read to its end.
fn mend_block(block: &mut [u8]) -> Option<()> {
    let mut at = 0;
    while let Some(&first) = block.get(at) {
        let prefix = match first {
            0x80.. => 7,
            0x40.. => 6,
            0x20.. => 5,
            _ => 4,
        };
        let index = integer(block, &mut at, prefix)?;
        // Indexed (7) and table size updates (5) are but a number.
        if prefix == 7 || prefix == 5 {
            continue;
        }
        let named = match index {
            0 => {
                let (name, huffman) = string(block, &mut at)?;
                block[name] == *if huffman { AUTHORITY_HUFFMAN } else { AUTHORITY_PLAIN }
            }
            index => index == AUTHORITY_INDEX,
        };
        let (value, huffman) = string(block, &mut at)?;
        if named {
            let value = &mut block[value];
            if huffman { mend_huffman(value) } else { mend_plain(value) }
        }
    }
    Some(())
}

/// An integer with a prefix of so many bits (RFC 7541, 5.1).
fn integer(block: &[u8], at: &mut usize, prefix: u32) -> Option<usize> {
    let mask = (1 << prefix) - 1;
    let mut value = usize::from(*block.get(*at)? & mask);
    *at += 1;
    if value < usize::from(mask) {
        return Some(value);
    }
    for shift in (0..28).step_by(7) {
        let byte = *block.get(*at)?;
        *at += 1;
        value += usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// Where a string literal is, and whether it is in Huffman code.
fn string(block: &[u8], at: &mut usize) -> Option<(Range<usize>, bool)> {
    let huffman = block.get(*at)? & 0x80 != 0;
    let len = integer(block, at, 7)?;
    let value = *at..at.checked_add(len)?;
    *at = value.end;
    (value.end <= block.len()).then_some((value, huffman))
}

fn mend_plain(value: &mut [u8]) {
    for byte in value.iter_mut().filter(|byte| matches!(byte, b'/' | b'%')) {
        *byte = b'-';
    }
}

/// Walks from code to code; stops at a code of more than 13 bits, which no character of a sensible path has.
fn mend_huffman(value: &mut [u8]) {
    let bits = 8 * value.len();
    let mut at = 0;
    while let Some((code, len)) = code_at(value, at).filter(|(_, len)| at + len <= bits) {
        if len == 6 && (code == SLASH_CODE || code == PERCENT_CODE) {
            for bit in 0..6 {
                let (byte, mask) = ((at + bit) / 8, 0x80 >> ((at + bit) % 8));
                let set = DASH_CODE >> (5 - bit) & 1 == 1;
                value[byte] = if set { value[byte] | mask } else { value[byte] & !mask };
            }
        }
        at += len;
    }
}

/// The code that begins at a bit, and its length.
fn code_at(value: &[u8], at: usize) -> Option<(u16, usize)> {
    let bit = |i: usize| value.get(i / 8).is_none_or(|byte| byte >> (7 - i % 8) & 1 == 1);
    let window = (at..at + 13).fold(0, |window, i| window << 1 | u16::from(bit(i)));
    CODE_LIMITS
        .iter()
        .map(|(len, limit)| (window >> (13 - len), *len, *limit))
        .find_map(|(code, len, limit)| (code < limit).then_some((code, len)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt;

    /// A connection with a mender, as the HTTP/2 server reads it.
    struct Mended<R>(R, Mender);

    impl<R: AsyncRead + Unpin> AsyncRead for Mended<R> {
        fn poll_read(
            self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            let Self(io, mender) = self.get_mut();
            mender.poll_read(io, cx, buf)
        }
    }

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
    }

    #[test]
    fn a_path_in_huffman_code_keeps_its_length_and_its_other_characters() {
        // Made with another implementation (Python's hpack).
        for (path, mended) in [
            ("62cb6a63cae8393aff", "5acb6a5bcae8393aff"), // /run/x.sock
            ("54586cb6a54587cae8393aff", "58586cb6a58587cae8393aff"), // %2Frun%2Fx.sock
            ("607fee3ffe91893ff45f", "587fee3ffe91693ff45f"), // /a+b~c/d@e
            ("", ""),
        ] {
            let mut value = hex(path);
            mend_huffman(&mut value);
            assert_eq!(value, hex(mended), "{path}");
        }
    }

    #[test]
    fn only_the_authority_is_mended() {
        let path = b"/a/b%c";
        let literal = |first: &[u8]| [first, &[path.len() as u8], &path[..]].concat();
        // Size update, :method POST, :authority with and without indexing, :path, a name of its own.
        let mut block = [
            vec![0x3f, 0xe1, 0x1f, 0x83],
            literal(&[0x41]),
            literal(&[0x01]),
            literal(&[0x44]),
            literal(b"\0\x01x"),
            literal(b"\x40\x0a:authority"),
            literal(&[&[0x40, 0x80 | 8], AUTHORITY_HUFFMAN].concat()),
        ]
        .concat();
        assert!(mend_block(&mut block).is_some());
        let at = |start: usize| &block[start..start + path.len()];
        let mended = b"-a-b-c";
        let values = [6, 14, 22, 32, 51, 68].map(at);
        assert_eq!(values, [mended, mended, path, path, mended, mended]);
    }

    #[test]
    fn nonsense_is_left_alone() {
        for block in
            [&[0x41][..], &[0x41, 0x7f], &[0x41, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff], &[0x41, 9, b'/']]
        {
            let mut mended = block.to_vec();
            assert_eq!(mend_block(&mut mended), None);
            assert_eq!(mended, block);
        }
        // Padding longer than the frame, priority without room.
        mend_frame(&mut [0, 0, 1, HEADERS, FLAG_PADDED, 0, 0, 0, 1, 200]);
        mend_frame(&mut [0, 0, 1, HEADERS, FLAG_PRIORITY, 0, 0, 0, 1, 200]);
    }

    #[tokio::test]
    async fn frames_are_mended_wherever_the_reads_cut_them() {
        let frame = |kind, flags, payload: &[u8]| {
            [&[0, 0, payload.len() as u8, kind, flags, 0, 0, 0, 1], payload].concat()
        };
        let headers = |path: &[u8; 4]| [&[0x83, 0x41, 4][..], path].concat();
        let stream = |path| {
            let padded = [&[2, 0, 0, 0, 0, 9][..], &headers(path), b"//"].concat();
            [
                b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
                frame(4, 0, &[]),
                frame(HEADERS, 4, &headers(path)),
                // Looks like a HEADERS frame with a path, but is data.
                frame(0, 0, &frame(HEADERS, 4, &headers(b"/a/b"))),
                frame(HEADERS, 4 | FLAG_PADDED | FLAG_PRIORITY, &padded),
                // The connection ends within a frame.
                frame(HEADERS, 4, &headers(path))[..12].to_vec(),
            ]
            .concat()
        };
        let (sent, expected) = (stream(b"/a/b"), stream(b"-a-b"));
        for piece in 1..sent.len() {
            let (reads, mut writes) = tokio::io::duplex(piece);
            let bytes = sent.clone();
            let writing = tokio::spawn(async move {
                tokio::io::AsyncWriteExt::write_all(&mut writes, &bytes).await.unwrap();
            });
            let mut got = Vec::new();
            Mended(reads, Mender::new()).read_to_end(&mut got).await.unwrap();
            writing.await.unwrap();
            assert_eq!(got, expected, "in pieces of {piece}");
        }
    }
}
