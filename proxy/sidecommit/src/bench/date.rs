//! What day it is.

use std::time::{SystemTime, UNIX_EPOCH};

const SECONDS_PER_DAY: u64 = 86_400;

/// UTC, as in 2026-01-31.
pub(super) fn today() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    of_day(now.as_secs() / SECONDS_PER_DAY)
}

/// The so manyeth since 1970-01-01.
fn of_day(day: u64) -> String {
    // Years begin in March here, so that the day that is not in each year is the last (Hinnant, "chrono-compatible low-level date
    // algorithms", civil_from_days).
    let day = day + 719_468;
    let (era, of_era) = (day / 146_097, day % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year + u64::from(month <= 2);
    format!("{year}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_dates() {
        let dates = [0, 59, 11_016, 19_782, 20_454, 47_540].map(of_day);
        assert_eq!(
            dates,
            ["1970-01-01", "1970-03-01", "2000-02-29", "2024-02-29", "2026-01-01", "2100-02-28"]
        );
        assert!(today().as_str() > "2026-01-01");
    }
}
