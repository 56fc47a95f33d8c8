//! How long a delivery rests before its next attempt.

use crate::DeliveryId;
use crate::notify::category::Kind;
use std::time::Duration;

/// The longest first pause, in seconds; each further one is twice as long.
const FIRST_SECONDS: u64 = 60;
/// The same where nobody waits for it.
const FIRST_SECONDS_MARKETING: u64 = 300;
/// The longest pause.
const SECONDS_MAX: u64 = 3_600;

/// How long to rest after that attempt: between a half and the whole of a time that doubles (equal
/// jitter), so that what failed together does not come back together. The jitter is made of the delivery's id and the
/// attempt's number: the same attempt always gets the same.
pub(super) fn pause(id: DeliveryId, attempt: u32, kind: Kind) -> Duration {
    let first = match kind {
        Kind::Security | Kind::Transactional => FIRST_SECONDS,
        Kind::Marketing => FIRST_SECONDS_MARKETING,
    };
    let doublings = attempt.saturating_sub(1).min(16);
    let whole = first.saturating_mul(1 << doublings).min(SECONDS_MAX) * 1_000_000;
    let (high, low) = id.0.as_u64_pair();
    // SplitMix64's last step (Steele et al., 2014) spreads ids that were made at one moment.
    let mut mixed = high ^ low.wrapping_add(u64::from(attempt).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^= mixed >> 31;
    Duration::from_micros(whole / 2 + mixed % (whole / 2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn pauses_double_up_to_an_hour_and_are_spread() {
        let of = |id, attempt, kind| pause(DeliveryId(Uuid::from_u128(id)), attempt, kind);
        for id in 0..1_000 {
            for (attempt, whole) in [(1, 60), (2, 120), (6, 1_920), (7, 3_600), (60, 3_600)] {
                let seconds = of(id, attempt, Kind::Security).as_secs_f64();
                assert!(seconds >= f64::from(whole) / 2.0 && seconds < f64::from(whole), "{attempt}: {seconds}");
            }
        }
        assert!(of(1, 1, Kind::Marketing) >= Duration::from_secs(150));
        assert_eq!(of(1, 3, Kind::Security), of(1, 3, Kind::Security));
        let different = (0..1_000).map(|id| of(id, 1, Kind::Security)).collect::<std::collections::BTreeSet<_>>();
        assert!(different.len() > 990, "{}", different.len());
    }
}
