//! Wake-ups: a node tells the others that its log has a new head, so that they look at once and not at their next
//! poll. A wake-up that is lost, doubled, late or made up costs a look or a poll, and never an event.

use crate::Bus;
use futures_util::StreamExt;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::sleep;

/// Where wake-ups go, outside of JetStream: nobody keeps them. The payload is the position, in digits.
pub const SUBJECT: &str = "letopis.nudge.head";

/// Between two wake-ups, told or heard, it takes at least this long: at most 200 a second.
const PAUSE: Duration = Duration::from_millis(5);
/// The longest position.
const DIGITS_MAX: usize = 20;
/// Before it is tried again to listen.
const RETRY_WAIT: Duration = Duration::from_secs(1);

/// Tells the others whenever this node's own head moves, until nobody moves it any more.
pub async fn tell(bus: Bus, mut head: watch::Receiver<u64>) {
    while head.changed().await.is_ok() {
        let position = *head.borrow_and_update();
        // What could not be said now is not said later: the others poll.
        if bus.is_connected() && bus.client().publish(SUBJECT, position.to_string().into()).await.is_ok() {
            metrics::counter!("letopis_nudges_total", "way" => "told").increment(1);
        }
        sleep(PAUSE).await;
    }
}

/// Passes on what the others tell. Only the latest counts, and one that is like the one before is none.
pub async fn hear(bus: Bus, heard: watch::Sender<u64>) {
    loop {
        // The subscription lasts over any number of lost connections.
        if let Ok(mut wakeups) = bus.client().subscribe(SUBJECT).await {
            while let Some(wakeup) = wakeups.next().await {
                let Some(position) = position(&wakeup.payload) else { continue };
                metrics::counter!("letopis_nudges_total", "way" => "heard").increment(1);
                let news = heard.send_if_modified(|latest| std::mem::replace(latest, position) != position);
                if news {
                    sleep(PAUSE).await;
                }
            }
        }
        sleep(RETRY_WAIT).await;
    }
}

fn position(payload: &[u8]) -> Option<u64> {
    if payload.is_empty() || payload.len() > DIGITS_MAX || !payload.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(payload).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use fuzz::Verdict;

    #[test]
    fn fuzz_a_wakeup_is_a_position_and_nothing_else() {
        fuzz::bytes(&[b"0", b"17", b"18446744073709551615"], |payload| {
            let read = position(payload);
            if let Some(position) = read {
                let text = String::from_utf8(payload.to_vec()).unwrap();
                assert_eq!(text.trim_start_matches('0'), position.to_string().trim_start_matches('0'));
            }
            Verdict::from(&read)
        });
    }
}
