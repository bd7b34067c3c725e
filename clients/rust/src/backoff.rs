//! How long to wait before the next try.

use std::time::Duration;

/// The first pause.
const FIRST: Duration = Duration::from_millis(50);
/// The longest one.
const LONGEST: Duration = Duration::from_secs(2);
/// The pause has doubled to more than the longest one by then.
const DOUBLINGS_MAX: u32 = 6;

/// Doubles from try to try.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Backoff {
    tries: u32,
}

// === impl Backoff ===

impl Backoff {
    /// The next pause: what the sidecar asks for, else half of the doubled one and a random part (0 to 1) of the other half.
    pub(crate) fn pause(&mut self, asked: Option<Duration>, random: f64) -> Duration {
        let doubled = FIRST * (1 << self.tries.min(DOUBLINGS_MAX));
        self.tries += 1;
        asked.unwrap_or_else(|| doubled.min(LONGEST).mul_f64(0.5 + random / 2.0))
    }

    /// Waits for it.
    pub(crate) async fn rest(&mut self, asked: Option<Duration>) {
        tokio::time::sleep(self.pause(asked, fastrand::f64())).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_two_seconds() {
        let mut backoff = Backoff::default();
        let pauses: Vec<_> = (0..40).map(|_| backoff.pause(None, 1.0).as_millis()).collect();
        assert_eq!(pauses[..7], [50, 100, 200, 400, 800, 1600, 2000]);
        assert!(pauses[7..].iter().all(|pause| *pause == 2000));
    }

    #[test]
    fn half_of_a_pause_is_random() {
        assert_eq!(Backoff::default().pause(None, 0.0), FIRST / 2);
    }

    #[test]
    fn what_the_sidecar_asks_for_comes_first() {
        let asked = Duration::from_millis(7);
        assert_eq!(Backoff::default().pause(Some(asked), 0.5), asked);
    }
}
