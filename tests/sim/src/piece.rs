//! The pieces that a seed is made of; a shrunk seed has fewer of them.

use crate::dice::Stream;
use std::{collections::BTreeSet, fmt, str::FromStr};

/// Something that a run can do without.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Piece {
    /// A client, with all its jobs.
    Client(usize),
    /// A client's job.
    Job(usize, usize),
    /// All records of a job but one.
    Records(usize, usize),
    /// The offsets of a job.
    Offsets(usize, usize),
    /// A misfortune of the plan.
    Chaos(usize),
    /// Something that chance brings on the way: a crash, a lost request, a repeated call; counted from 1 in its stream.
    Hit(Stream, u64),
}

/// The pieces that a run keeps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pieces(pub BTreeSet<Piece>);

// === impl Piece ===

impl fmt::Display for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client(client) => write!(f, "c{client}"),
            Self::Job(client, job) => write!(f, "j{client}.{job}"),
            Self::Records(client, job) => write!(f, "r{client}.{job}"),
            Self::Offsets(client, job) => write!(f, "o{client}.{job}"),
            Self::Chaos(index) => write!(f, "x{index}"),
            Self::Hit(Stream::World, number) => write!(f, "w{number}"),
            Self::Hit(Stream::Client(client), number) => write!(f, "a{client}.{number}"),
            Self::Hit(Stream::Process(proc), number) => write!(f, "p{proc}.{number}"),
            Self::Hit(Stream::Lane(proc, lane), number) => write!(f, "l{proc}.{lane}.{number}"),
            Self::Hit(Stream::Pod(pod), number) => write!(f, "d{pod}.{number}"),
            Self::Hit(Stream::Chaos(time), number) => write!(f, "m{time}.{number}"),
        }
    }
}

impl FromStr for Piece {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let error = || format!("{text:?} is no piece: expected such as c3, j3.1, x4, p0.7 or l0.1.5");
        let kind = text.chars().next().ok_or_else(error)?;
        let numbers = text[kind.len_utf8()..].split('.').map(str::parse).collect::<Result<Vec<u64>, _>>();
        Ok(match (kind, &numbers.map_err(|_| error())?[..]) {
            ('c', [client]) => Self::Client(*client as usize),
            ('j', [client, job]) => Self::Job(*client as usize, *job as usize),
            ('r', [client, job]) => Self::Records(*client as usize, *job as usize),
            ('o', [client, job]) => Self::Offsets(*client as usize, *job as usize),
            ('x', [index]) => Self::Chaos(*index as usize),
            ('w', [number]) => Self::Hit(Stream::World, *number),
            ('a', [client, number]) => Self::Hit(Stream::Client(*client as usize), *number),
            ('p', [proc, number]) => Self::Hit(Stream::Process(*proc as usize), *number),
            ('l', [proc, lane, number]) => Self::Hit(Stream::Lane(*proc as usize, *lane as u16), *number),
            ('d', [pod, number]) => Self::Hit(Stream::Pod(*pod as usize), *number),
            ('m', [time, number]) => Self::Hit(Stream::Chaos(*time), *number),
            _ => return Err(error()),
        })
    }
}

// === impl Pieces ===

impl fmt::Display for Pieces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pieces: Vec<String> = self.0.iter().map(Piece::to_string).collect();
        f.write_str(&pieces.join(","))
    }
}

impl FromStr for Pieces {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let pieces = text.split(',').filter(|piece| !piece.is_empty()).map(str::parse);
        Ok(Self(pieces.collect::<Result<_, _>>()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_read_as_they_are_written() {
        let text = "c3,j3.1,r3.1,o3.1,x4,w17,a3.1,p8.2,l8.1.5,d1.1,m1700000001000.2";
        assert_eq!(text.parse::<Pieces>().expect("pieces").to_string(), text);
        for wrong in ["q1", "c", "j3", "c3.1", "wx", "l8.1"] {
            assert!(wrong.parse::<Pieces>().is_err(), "{wrong}");
        }
        assert_eq!("".parse::<Pieces>(), Ok(Pieces::default()));
    }
}
