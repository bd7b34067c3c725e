//! The accepted forms of settings: one place that reads a text, says what it accepts, and gives an example.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

/// sockaddr_un takes 108 bytes with the terminating zero.
const SOCKET_PATH_MAX: usize = 107;

/// What a setting accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Any text; what it means is checked elsewhere.
    Text,
    /// A name as Kafka takes it for topics.
    Topic,
    /// Brokers.
    Servers,
    /// A path.
    Path,
    /// The path of a Unix socket.
    Socket,
    /// The path of a Unix socket, or none.
    SocketOrNone,
    /// Permissions.
    Mode,
    /// A loopback address.
    Loopback,
    /// Any address.
    Address,
    /// A whole number in a range.
    Integer(u64, u64),
    /// A duration in a range of milliseconds.
    Duration(u64, u64),
    /// A size in a range of bytes.
    Size(u64, u64),
    /// One of a few words.
    Choice(&'static [&'static str]),
}

/// A text that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Parsed {
    Nothing,
    Text(String),
    Number(u64),
    Address(SocketAddr),
}

/// What a field of [`super::Settings`] can be made of. None: the table gives the field a form that does not fit.
pub(crate) trait Field: Sized {
    fn from_parsed(parsed: Parsed) -> Option<Self>;
}

const DURATIONS: [(&str, u64); 4] = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)];
const SIZES: [(&str, u64); 6] =
    [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40), ("", 1)];

// === impl Form ===

impl Form {
    /// Reads a text; None if it is not of this form.
    pub(crate) fn parse(self, text: &str) -> Option<Parsed> {
        let as_text = |ok: bool| ok.then(|| Parsed::Text(text.to_owned()));
        let within = |n: u64, (min, max)| (min..=max).contains(&n).then_some(Parsed::Number(n));
        match self {
            Self::SocketOrNone if text == "none" => Some(Parsed::Nothing),
            Self::Text | Self::Path => as_text(!text.is_empty() && !text.chars().any(char::is_control)),
            Self::Topic => as_text(is_topic(text)),
            Self::Servers => as_text(text.split(',').all(is_server)),
            Self::Socket | Self::SocketOrNone => {
                as_text((1..=SOCKET_PATH_MAX).contains(&text.len()) && !text.chars().any(char::is_control))
            }
            Self::Mode => mode(text).map(Parsed::Number),
            Self::Loopback => address(text).filter(|a| a.ip().is_loopback()).map(Parsed::Address),
            Self::Address => address(text).map(Parsed::Address),
            Self::Integer(min, max) => whole(text).and_then(|n| within(n, (min, max))),
            Self::Duration(min, max) => scaled(text, &DURATIONS).and_then(|n| within(n, (min, max))),
            Self::Size(min, max) => scaled(text, &SIZES).and_then(|n| within(n, (min, max))),
            Self::Choice(words) => as_text(words.contains(&text)),
        }
    }

    /// Reads a duration, of arguments that are no settings; None if it is not of this form.
    pub(crate) fn duration(self, text: &str) -> Option<Duration> {
        self.parse(text).and_then(Duration::from_parsed)
    }

    /// What is accepted, for messages and docs.
    pub fn accepted(self) -> String {
        match self {
            Self::Text => "a text".to_owned(),
            Self::Topic => "a topic name: 1 to 249 characters of [A-Za-z0-9._-]".to_owned(),
            Self::Servers => "host:port, or several separated by commas".to_owned(),
            Self::Path => "a path".to_owned(),
            Self::Socket => format!("a path of at most {SOCKET_PATH_MAX} bytes"),
            Self::SocketOrNone => format!("a path of at most {SOCKET_PATH_MAX} bytes, or none"),
            Self::Mode => "three or four octal digits, such as 0660".to_owned(),
            Self::Loopback => {
                "a port of a loopback address, such as 127.0.0.1:9910 or [::1]:9910; others are refused, since callers \
                 are not authenticated"
                    .to_owned()
            }
            Self::Address => "an IP address and a port, such as 0.0.0.0:9911".to_owned(),
            Self::Integer(min, max) => format!("a whole number from {min} to {max}"),
            Self::Duration(min, max) => {
                format!("a duration from {} to {}, such as 250ms, 10s, 5m or 1h", duration(min), duration(max))
            }
            Self::Size(min, max) => {
                format!("a size from {} to {}, such as 512KiB or 16MiB", size(min), size(max))
            }
            Self::Choice(words) => words.join(" or "),
        }
    }
}

/// A duration of milliseconds in its shortest form.
pub(crate) fn duration(millis: u64) -> String {
    shortest(millis, &DURATIONS)
}

/// A size in its shortest form.
pub(crate) fn size(bytes: u64) -> String {
    shortest(bytes, &SIZES[..5])
}

fn shortest(n: u64, units: &[(&str, u64)]) -> String {
    let fits = |(_, factor): &&(&str, u64)| n >= *factor && n.is_multiple_of(*factor);
    let (unit, factor) = units.iter().rev().find(fits).unwrap_or(&units[0]);
    format!("{}{unit}", n / factor)
}

fn scaled(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    whole(number)?.checked_mul(*factor)
}

fn whole(text: &str) -> Option<u64> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

fn mode(text: &str) -> Option<u64> {
    let octal = (3..=4).contains(&text.len()) && text.bytes().all(|b| (b'0'..=b'7').contains(&b));
    octal.then(|| u64::from_str_radix(text, 8).ok()).flatten().filter(|mode| *mode <= 0o777)
}

fn is_topic(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    (1..=249).contains(&text.len()) && text.bytes().all(plain) && text != "." && text != ".."
}

fn is_server(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
    let host_ok = match bare {
        Some(v6) => v6.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            !host.is_empty()
                && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        }
    };
    host_ok && whole(port).is_some_and(|port| (1..=65535).contains(&port))
}

/// An address; `localhost` is a loopback address by any resolver, so none is asked.
fn address(text: &str) -> Option<SocketAddr> {
    match text.strip_prefix("localhost:") {
        Some(port) => format!("127.0.0.1:{port}").parse().ok(),
        None => text.parse().ok(),
    }
}

// === impl Field ===

impl Field for String {
    fn from_parsed(parsed: Parsed) -> Option<Self> {
        if let Parsed::Text(text) = parsed { Some(text) } else { None }
    }
}

/// Of `Form::Choice(&["true", "false"])`.
impl Field for bool {
    fn from_parsed(parsed: Parsed) -> Option<Self> {
        String::from_parsed(parsed)?.parse().ok()
    }
}

impl Field for PathBuf {
    fn from_parsed(parsed: Parsed) -> Option<Self> {
        String::from_parsed(parsed).map(Self::from)
    }
}

impl Field for SocketAddr {
    fn from_parsed(parsed: Parsed) -> Option<Self> {
        if let Parsed::Address(address) = parsed { Some(address) } else { None }
    }
}

impl Field for Duration {
    fn from_parsed(parsed: Parsed) -> Option<Self> {
        u64::from_parsed(parsed).map(Self::from_millis)
    }
}

impl Field for u64 {
    fn from_parsed(parsed: Parsed) -> Option<Self> {
        if let Parsed::Number(n) = parsed { Some(n) } else { None }
    }
}

macro_rules! narrower {
    ($($number:ty),*) => {$(
        impl Field for $number {
            fn from_parsed(parsed: Parsed) -> Option<Self> {
                u64::from_parsed(parsed)?.try_into().ok()
            }
        }
    )*};
}

narrower!(u16, u32, usize, i32);

impl<T: Field> Field for Option<T> {
    fn from_parsed(parsed: Parsed) -> Option<Self> {
        if parsed == Parsed::Nothing { Some(None) } else { T::from_parsed(parsed).map(Some) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_accepts_and_refuses() {
        let number = |n| Some(Parsed::Number(n));
        let text = |t: &str| Some(Parsed::Text(t.to_owned()));
        let duration = Form::Duration(250, 7_200_000);
        let size = Form::Size(1024, 1 << 40);
        for (form, given, expected) in [
            (duration, "250ms", number(250)),
            (duration, "10s", number(10_000)),
            (duration, "5m", number(300_000)),
            (duration, "2h", number(7_200_000)),
            (duration, "10", None),
            (duration, "s", None),
            (duration, "-1s", None),
            (duration, "1.5s", None),
            (duration, "10 s", None),
            (duration, "10S", None),
            (duration, "249ms", None),
            (duration, "3h", None),
            (duration, "99999999999999999999s", None),
            (duration, "18446744073709551615h", None),
            (size, "1024", number(1024)),
            (size, "1024B", number(1024)),
            (size, "16MiB", number(16 << 20)),
            (size, "1TiB", number(1 << 40)),
            (size, "16MB", None),
            (size, "1023", None),
            (size, "", None),
            (Form::Integer(1, 8), "8", number(8)),
            (Form::Integer(1, 8), "+8", None),
            (Form::Integer(1, 8), "0", None),
            (Form::Integer(1, 8), "", None),
            (Form::Mode, "0666", number(0o666)),
            (Form::Mode, "600", number(0o600)),
            (Form::Mode, "0999", None),
            (Form::Mode, "4777", None),
            (Form::Mode, "rw", None),
            (Form::Loopback, "127.0.0.1:0", Some(Parsed::Address(([127, 0, 0, 1], 0).into()))),
            (Form::Loopback, "localhost:9910", Some(Parsed::Address(([127, 0, 0, 1], 9910).into()))),
            (Form::Loopback, "0.0.0.0:9910", None),
            (Form::Loopback, "10.0.0.7:9910", None),
            (Form::Loopback, "127.0.0.1", None),
            (Form::Address, "0.0.0.0:9911", Some(Parsed::Address(([0, 0, 0, 0], 9911).into()))),
            (Form::Address, "example.org:9911", None),
            (Form::Servers, "a:1,b.c-d:65535,[::1]:9092", text("a:1,b.c-d:65535,[::1]:9092")),
            (Form::Servers, "a", None),
            (Form::Servers, "a:0", None),
            (Form::Servers, "a:1,", None),
            (Form::Servers, "a:1, b:2", None),
            (Form::Servers, "", None),
            (Form::Topic, "a.b_c-1", text("a.b_c-1")),
            (Form::Topic, "a/b", None),
            (Form::Topic, "..", None),
            (Form::SocketOrNone, "none", Some(Parsed::Nothing)),
            (Form::Socket, "/run/a.sock", text("/run/a.sock")),
            (Form::Socket, "", None),
            (Form::Choice(&["a", "b"]), "b", text("b")),
            (Form::Choice(&["a", "b"]), "B", None),
            (Form::Text, "a\nb", None),
        ] {
            assert_eq!(form.parse(given), expected, "{form:?} {given:?}");
        }
        assert!(Form::Socket.parse(&"x".repeat(107)).is_some());
        assert_eq!(Form::Socket.parse(&"x".repeat(108)), None);
    }

    #[test]
    fn numbers_are_shown_in_their_shortest_form() {
        assert_eq!([duration(0), duration(1500), duration(60_000)], ["0ms", "1500ms", "1m"]);
        assert_eq!([size(1000), size(1 << 20), size(3 << 30)], ["1000B", "1MiB", "3GiB"]);
    }
}
