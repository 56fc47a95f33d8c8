//! What wakes whoever follows the log: this node's own writer, and the other nodes.

use tokio::sync::watch;

/// Changes when one of both does, for as long as the first one may. What it holds is no more than a hint: a wake-up may
/// be older than what is known, or made up, and must not keep the next one from being seen.
pub(crate) fn either(mut own: watch::Receiver<u64>, mut wakeups: watch::Receiver<u64>) -> watch::Receiver<u64> {
    let (sender, hint) = watch::channel(*own.borrow());
    tokio::spawn(async move {
        loop {
            let wakeup = async {
                if wakeups.changed().await.is_err() {
                    // No other node wakes this one any more.
                    std::future::pending::<()>().await;
                }
                *wakeups.borrow_and_update()
            };
            let position = tokio::select! {
                changed = own.changed() => match changed {
                    Ok(()) => *own.borrow_and_update(),
                    Err(_) => return,
                },
                position = wakeup => position,
                () = sender.closed() => return,
            };
            sender.send_replace(position);
        }
    });
    hint
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn a_wakeup_wakes_and_never_silences() {
        let (own, head) = watch::channel(0);
        let (wakeup, wakeups) = watch::channel(0);
        let mut hint = either(head, wakeups);
        // Made up, late, out of order, and in between what is our own.
        for (from, position) in [(&wakeup, u64::MAX), (&own, 1), (&wakeup, 7), (&wakeup, 3), (&own, 2), (&own, 3)] {
            from.send_replace(position);
            let woken = tokio::time::timeout(Duration::from_secs(10), hint.changed()).await;
            assert!(woken.is_ok_and(|changed| changed.is_ok()), "{position}");
            assert_eq!(*hint.borrow_and_update(), position);
        }
        drop(wakeup);
        own.send_replace(4);
        assert!(hint.changed().await.is_ok());
        drop(own);
        assert!(hint.changed().await.is_err(), "whoever follows is told that nobody hints any more");
    }
}
