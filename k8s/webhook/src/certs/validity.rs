//! From when until when a certificate is valid, read from its DER. rustls checks this and shows it to nobody, and a
//! whole X.509 parser is a lot for two times.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

/// From when until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// The first second.
    pub not_before: Timestamp,
    /// The last second.
    pub not_after: Timestamp,
}

const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const EXPLICIT_0: u8 = 0xa0;

// === impl Validity ===

impl Validity {
    /// Reads a certificate's; None if the bytes are no X.509 certificate.
    pub fn of(der: &[u8]) -> Option<Self> {
        let certificate = expect(&mut { der }, SEQUENCE)?;
        let mut to_be_signed = expect(&mut { certificate }, SEQUENCE)?;
        let fields = &mut to_be_signed;
        // The version is optional: without it the first field is the serial number.
        if fields.first() == Some(&EXPLICIT_0) {
            expect(fields, EXPLICIT_0)?;
        }
        expect(fields, INTEGER)?;
        let (_algorithm, _issuer) = (expect(fields, SEQUENCE)?, expect(fields, SEQUENCE)?);
        let mut times = expect(fields, SEQUENCE)?;
        Some(Self { not_before: time(&mut times)?, not_after: time(&mut times)? })
    }

    /// When two thirds of the time are over: what is left bears a long outage.
    pub fn renewal(&self) -> Timestamp {
        let life = self.not_after.duration_since(self.not_before);
        self.not_after.checked_sub(life / 3).unwrap_or(self.not_after)
    }
}

/// The contents of the next element, which must have this tag.
fn expect<'a>(input: &mut &'a [u8], tag: u8) -> Option<&'a [u8]> {
    let (found, contents) = element(input)?;
    (found == tag).then_some(contents)
}

/// The next element's tag and contents.
fn element<'a>(input: &mut &'a [u8]) -> Option<(u8, &'a [u8])> {
    let (&tag, rest) = input.split_first()?;
    let (&first, mut rest) = rest.split_first()?;
    let length = match first {
        0..=0x7f => usize::from(first),
        0x81..=0x84 => {
            let (bytes, after) = rest.split_at_checked(usize::from(first & 0x7f))?;
            rest = after;
            bytes.iter().fold(0, |length, &byte| length << 8 | usize::from(byte))
        }
        _ => return None,
    };
    let (contents, rest) = rest.split_at_checked(length)?;
    *input = rest;
    Some((tag, contents))
}

fn time(input: &mut &[u8]) -> Option<Timestamp> {
    let (tag, contents) = element(input)?;
    let digits = std::str::from_utf8(contents).ok()?.strip_suffix('Z')?;
    let text = match tag {
        // Two digits of the year: 50 to 99 are of the last century (RFC 5280).
        UTC_TIME if digits.get(..2)? < "50" => format!("20{digits}"),
        UTC_TIME => format!("19{digits}"),
        GENERALIZED_TIME => digits.to_owned(),
        _ => return None,
    };
    let civil = DateTime::strptime("%Y%m%d%H%M%S", &text).ok()?;
    Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(from: (i32, u8, u8), until: (i32, u8, u8)) -> Vec<u8> {
        let mut params = rcgen::CertificateParams::new(["x".to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(from.0, from.1, from.2);
        params.not_after = rcgen::date_time_ymd(until.0, until.1, until.2);
        let key = rcgen::KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().to_vec()
    }

    #[test]
    fn both_forms_of_time_are_read() {
        let validity = Validity::of(&certificate((1999, 12, 31), (2060, 2, 29))).unwrap();
        assert_eq!(validity.not_before.to_string(), "1999-12-31T00:00:00Z");
        assert_eq!(validity.not_after.to_string(), "2060-02-29T00:00:00Z");
    }

    #[test]
    fn renewal_is_at_two_thirds() {
        let validity = Validity::of(&certificate((2026, 1, 1), (2026, 4, 1))).unwrap();
        assert_eq!(validity.renewal().to_string(), "2026-03-02T00:00:00Z");
    }

    #[test]
    fn no_cut_certificate_is_read_and_none_panics() {
        let whole = certificate((2026, 1, 1), (2027, 1, 1));
        for length in 0..whole.len() {
            assert_eq!(Validity::of(&whole[..length]), None, "{length} bytes of {}", whole.len());
        }
    }
}
